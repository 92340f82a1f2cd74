import { type Channel, type EnvSpec, floatTensor } from "@worldstep/protocols";
import { expect, test, vi } from "vitest";
import { COUNTER_SPEC, CounterWorld } from "../../test/counter-world.js";
import { record } from "../env/record.js";
import { Wrapper } from "../env/wrapper.js";
import type { RemotePolicy } from "./connect-policy.js";
import { type Clipped, drive } from "./drive.js";
import type { PolicyRecord, PolicyValue } from "./policy-codec.js";

// Answers with `rows` rows whose first element is `value`, times how often it was asked.
function policy(rows: number, value: number, columns = 2) {
  const heard: string[] = [];
  let asked = 0;
  const infer = async (observation: PolicyRecord): Promise<PolicyRecord> => {
    asked++;
    heard.push(Object.keys(observation).join());
    const data = Float32Array.from({ length: rows * columns }, (_, i) => (i % columns === 0 ? value * asked : 0));
    return { actions: floatTensor(data, [rows, columns]) };
  };
  const reset = async () => void heard.push("reset");
  return { policy: { metadata: {}, infer, reset, close: () => undefined } satisfies RemotePolicy, heard };
}

// The counter, with other words for its channels.
class Told extends Wrapper {
  constructor(readonly action: readonly Channel[]) {
    super(new CounterWorld());
  }

  override get spec(): EnvSpec {
    return { ...super.spec, action: this.action };
  }
}

const PIXELS: readonly Channel[] = [
  { name: "to x", unit: "px", low: 0, high: 511, kind: "absolute" },
  { name: "dy", unit: "px", low: -10, high: 30, kind: "delta", idle: 0 },
];

async function played(acting: RemotePolicy, options = {}, action: readonly Channel[] = COUNTER_SPEC.action) {
  const env = record(new Told(action));
  const { observation } = await env.reset({ seed: 1, maxTicks: 5 });
  const steps = [];
  for await (const step of drive(env, acting, observation, options)) steps.push(step);
  return { blocks: env.episodes[0]?.actions.map(({ data }) => Array.from(data)) ?? [], steps };
}

test("a plan is acted out in blocks, its short last block holds still, and then comes the next", async () => {
  const { policy: acting, heard } = policy(6, 0.1);
  const { blocks, steps } = await played(acting);
  expect(steps.map(({ truncated }) => truncated)).toEqual([false, false, false, false, true]);
  const rows = (...ups: number[]) => ups.flatMap((up) => [Math.fround(up), 0]);
  expect(blocks).toEqual([
    rows(0.1, 0.1, 0.1, 0.1),
    rows(0.1, 0.1, 0, 0),
    rows(0.2, 0.2, 0.2, 0.2),
    rows(0.2, 0.2, 0, 0),
    rows(0.1 * 3, 0.1 * 3, 0.1 * 3, 0.1 * 3),
  ]);
  expect(heard).toEqual(["reset", ...Array(3).fill("observation/image,observation/state")]);
});

test("with a horizon the policy is asked again before its plan is done, and what the space refuses is clipped", async () => {
  const { policy: acting, heard } = policy(16, 7);
  const told: Clipped[] = [];
  const onClip = (clipped: Clipped) => void told.push(clipped);
  const { blocks, steps } = await played(acting, { horizon: 4, observe: () => ({ prompt: "up" }), onClip });
  expect(told[0]).toEqual({ tick: 1, channel: "up", count: 4, value: 7, low: -1, high: 1 });
  expect(told.map(({ value }) => value)).toEqual([7, 14, 21, 28, 35]);
  expect(steps.map(({ clipped }) => clipped)).toEqual([4, 8, 12, 16, 20]);
  expect(blocks).toEqual(Array(5).fill([1, 0, 1, 0, 1, 0, 1, 0]));
  expect(heard).toEqual(["reset", ...Array(5).fill("prompt")]);
});

test("where a channel is absolute, a short last block repeats the last row", async () => {
  const { policy: acting } = policy(6, 0.1);
  const { blocks } = await played(acting, {}, PIXELS);
  const idle = Math.fround(-0.5); // 0 px of -10 to 30
  const x = Math.fround(0.1);
  expect(blocks[1]).toEqual([x, 0, x, 0, x, idle, x, idle]);
});

test("a policy may speak in the robot's units", async () => {
  const { policy: acting } = policy(3, 511 / 4);
  const told: Clipped[] = [];
  const options = { units: "robot", onClip: (clipped: Clipped) => void told.push(clipped) };
  const { blocks, steps } = await played(acting, options, PIXELS);
  expect(blocks.map(([first]) => first)).toEqual([-0.5, 0, 0.5, 1, 1]);
  expect(new Set(blocks.flatMap((own) => own.filter((_, i) => i % 2 === 1)))).toEqual(new Set([-0.5]));
  expect(told).toEqual([{ tick: 5, channel: "to x", count: 3, value: 638.75, low: 0, high: 511 }]);
  expect(steps.at(-1)?.clipped).toBe(3);
});

test.each(["space", "robot"])("what is not finite is not clipped but refused, in units of the %s", async (units) => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    const told: Clipped[] = [];
    const driving = played(policy(4, value).policy, { units, onClip: (clipped: Clipped) => void told.push(clipped) });
    await expect(driving).rejects.toMatchObject({ code: "action_not_finite" });
    expect(told).toEqual([]);
  }
});

test("who does not ask is warned once, and an onClip that throws ends it before the step", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
  await played(policy(4, 7).policy);
  expect(warn.mock.calls).toEqual([[expect.stringMatching(/up is 7 in step 1 .* \[-1, 1\].*units: "robot"/)]]);
  warn.mockRestore();
  const refuse = () => {
    throw new Error("no clipping");
  };
  await expect(played(policy(4, 7).policy, { onClip: refuse })).rejects.toThrow("no clipping");
});

test.each([
  [{ units: "radians" }, "option_units"],
  [{ unit: "robot" }, "option_unknown"],
])("%o is refused", async (options, code) => {
  await expect(played(policy(4, 1).policy, options)).rejects.toMatchObject({ code });
});

test.each([0, -1, 1.5, Number.NaN])("a horizon of %s is refused", async (horizon) => {
  await expect(played(policy(4, 1).policy, { horizon })).rejects.toMatchObject({ code: "option_horizon" });
});

test.each<[string, PolicyValue | undefined]>([
  ["no actions", undefined],
  ["a list", [1, 2]],
  ["another action size", floatTensor(new Float32Array(12), [4, 3])],
  ["no rows", floatTensor(new Float32Array(0), [0, 2])],
  ["bytes", { dtype: "uint8", shape: [1, 2], data: new Uint8Array(2) }],
])("%s is no plan", async (_, actions) => {
  const broken = { ...policy(1, 1).policy, infer: async () => (actions === undefined ? {} : { actions }) };
  await expect(played(broken)).rejects.toMatchObject({ code: "policy_malformed" });
});
