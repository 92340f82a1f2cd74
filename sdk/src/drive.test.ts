import { floatTensor } from "@worldstep/protocols";
import { expect, test } from "vitest";
import { CounterWorld } from "../test/counter-world.js";
import { drive } from "./drive.js";
import type { RemotePolicy } from "./policy.js";
import type { PolicyRecord, PolicyValue } from "./policy-codec.js";
import { record } from "./record.js";

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

async function played(acting: RemotePolicy, options = {}) {
  const env = record(new CounterWorld());
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
  const { blocks } = await played(acting, { horizon: 4, observe: () => ({ prompt: "up" }) });
  expect(blocks).toEqual(Array(5).fill([1, 0, 1, 0, 1, 0, 1, 0]));
  expect(heard).toEqual(["reset", ...Array(5).fill("prompt")]);
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
