import { expect, test } from "vitest";
import { differenceOf, sizeBeside } from "./alike.js";
import { type Pose, WORKSPACE } from "./kinematics.js";
import { blindPolicy, novicePolicy, playPolicy, taskPolicy } from "./policies.js";
import type { ScriptedPolicy } from "./script.js";
import { createSimulator, type Simulator, simulatorSpec } from "./simulator.js";
import { SCORED_TASKS } from "./tasks.js";

const STILL = new Float32Array(20);
const constant = (...row: number[]): number[][] => [row, row, row, row];

async function rollout(simulator: Simulator, seed: number): Promise<unknown[]> {
  const policy = taskPolicy("stack", seed, { noise: 0.2 });
  const seen: unknown[] = [await simulator.reset({ seed })];
  for (let tick = 0; tick < 6; tick++) seen.push(await simulator.step(policy.act(simulator.state())));
  return seen;
}

test("the same seed and actions give the same bits, on any instance, whatever ran before", async () => {
  const [first, second] = [await createSimulator(), await createSimulator()];
  const expected = await rollout(first, 7);
  await rollout(second, 8);
  expect(await rollout(second, 7)).toEqual(expected);
  expect(await rollout(first, 7)).toEqual(expected);
  expect(await rollout(first, 8)).not.toEqual(expected);
  await first.close();
  await second.close();
});

test.each(SCORED_TASKS)("the expert succeeds: %s", async (task) => {
  const simulator = await createSimulator();
  for (const seed of [1, 2]) {
    await simulator.reset({ seed, task });
    const policy = taskPolicy(task, seed);
    let step = await simulator.step(policy.act(simulator.state()));
    while (!step.terminated && !step.truncated) step = await simulator.step(policy.act(simulator.state()));
    expect(step.terminated).toBe(true);
    expect(step.reward).toBeGreaterThan(0);
    expect(step.info).toMatchObject({ task, success: true });
    await expect(simulator.step(STILL)).rejects.toMatchObject({ code: "reset_needed" });
  }
  await simulator.close();
});

test("cubes that are missing are out of sight, and the rest of the start is the same", async () => {
  const [whole, bare] = [await createSimulator(), await createSimulator({ missing: 1 })];
  const frames = async (simulator: Simulator) => (await simulator.reset({ seed: 3 })).observation.frames.data;
  const [shown, without] = [await frames(whole), await frames(bare)];
  const red = (data: Uint8Array) =>
    data.filter((r, i) => i % 3 === 0 && r > 120 && r > 3 * (data[i + 1] as number)).length;
  expect(red(shown)).toBeGreaterThan(10);
  expect(red(without)).toBe(0);
  expect(bare.state().layout.button).toEqual(whole.state().layout.button);
  expect(bare.state().tip).toEqual(whole.state().tip);
  await whole.close();
  await bare.close();
  await expect(createSimulator({ missing: 2 })).rejects.toMatchObject({ code: "option_invalid" });
});

test("blind play is the same for a seed, and goes to the limits of the workspace", async () => {
  const simulator = await createSimulator();
  await simulator.reset({ seed: 1, maxTicks: 0 });
  const [policy, again] = [blindPolicy(1), blindPolicy(1)];
  const met = { low: 0, high: 0 };
  for (let tick = 0; tick < 100; tick++) {
    const action = policy.act();
    expect(again.act()).toEqual(action);
    await simulator.step(action); // refuses what is outside [-1, 1]
    const { x } = simulator.state().command;
    if (x === WORKSPACE.x[0]) met.low++;
    if (x === WORKSPACE.x[1]) met.high++;
  }
  expect(met.low).toBeGreaterThan(5);
  expect(met.high).toBeGreaterThan(5);
  await simulator.close();
});

test("rummaging play and novices lead the arm into what is in its way", async () => {
  const simulator = await createSimulator({ size: 16 });
  const blockedTicks = async (make: (seed: number) => ScriptedPolicy): Promise<number> => {
    let blocked = 0;
    for (const seed of [1, 2]) {
      await simulator.reset({ seed, maxTicks: 0 });
      const policy = make(seed);
      for (let tick = 0; tick < 80; tick++) {
        await simulator.step(policy.act(simulator.state())); // refuses what is outside [-1, 1]
        const { tip, command } = simulator.state();
        if (Math.hypot(command.x - tip.x, command.y - tip.y) > 0.02) blocked++;
      }
    }
    return blocked;
  };
  const play = await blockedTicks((seed) => playPolicy(seed));
  expect(await blockedTicks((seed) => playPolicy(seed, true))).toBeGreaterThan(2 * play);
  expect(await blockedTicks(novicePolicy)).toBeGreaterThan(2 * play);
  await simulator.close();
});

test("a grasp lifts a cube by contact", async () => {
  const simulator = await createSimulator();
  await simulator.reset({ seed: 3 });
  const [x = 0, y = 0, , w = 1, , , qz = 0] = simulator.state().cubes;
  const over: Pose = { x, y, z: 0.02, yaw: 2 * Math.atan2(qz, w), opening: 0.08 };
  simulator.setTip(over);
  await simulator.step(constant(0, 0, 0, 0, 1));
  for (let tick = 0; tick < 3; tick++) await simulator.step(constant(0, 0, 0.9, 0, 0));
  expect(simulator.state().cubes[2]).toBeGreaterThan(0.15);
  await simulator.close();
});

test("the command stays in the workspace, and the tip follows it; a zero action holds still", async () => {
  const simulator = await createSimulator();
  await simulator.reset({ seed: 4 });
  for (let tick = 0; tick < 12; tick++) await simulator.step(constant(1, 1, 1, 1, -1));
  await simulator.step(STILL);
  const { command, tip } = simulator.state();
  expect(command).toEqual({
    x: WORKSPACE.x[1],
    y: WORKSPACE.y[1],
    z: WORKSPACE.z[1],
    yaw: WORKSPACE.yaw[1],
    opening: WORKSPACE.opening[1],
  });
  for (const key of ["x", "y", "z"] as const) expect(tip[key]).toBeCloseTo(command[key], 3);
  await simulator.step(STILL);
  expect(simulator.state().tip.x).toBeCloseTo(tip.x, 5);
  await simulator.close();
});

test("restore goes back to a snapshot, also in another simulator, to the bit", async () => {
  const [first, second] = [await createSimulator(), await createSimulator()];
  await rollout(first, 11);
  const snapshot = await first.snapshot();
  const onwards = async (simulator: Simulator): Promise<unknown[]> => {
    const steps: unknown[] = [];
    for (let tick = 0; tick < 4; tick++) steps.push(await simulator.step(constant(0.3, -0.5, -0.6, 0.2, 0.5)));
    return steps;
  };
  const expected = await onwards(first);
  await first.restore(snapshot);
  expect(await onwards(first)).toEqual(expected);
  await second.restore(snapshot);
  expect(await onwards(second)).toEqual(expected);
  await first.close();
  await second.close();
});

test("both cameras, and the size that was asked for", async () => {
  const simulator = await createSimulator({ size: 96, cameras: ["table", "wrist"] });
  const { observation } = await simulator.reset({ seed: 1 });
  expect(observation.frames?.shape).toEqual([4, 96, 96, 3]);
  expect(observation.wristFrames?.shape).toEqual([4, 96, 96, 3]);
  expect(observation.frames?.data.subarray(0, 96 * 96 * 3)).toEqual(simulator.renderFrame("table", 96).data);
  await simulator.close();
});

test("bad calls get a code", async () => {
  await expect(createSimulator({ sise: 64 } as object)).rejects.toMatchObject({ code: "option_unknown" });
  await expect(createSimulator({ size: 8 })).rejects.toMatchObject({ code: "option_invalid" });
  await expect(createSimulator({ cameras: ["wrist"] })).rejects.toMatchObject({ code: "option_invalid" });
  const simulator = await createSimulator();
  await expect(simulator.step(STILL)).rejects.toMatchObject({ code: "reset_needed" });
  expect(() => simulator.state()).toThrow("reset_needed");
  await expect(simulator.reset({ seed: -1 })).rejects.toMatchObject({ code: "option_seed" });
  await expect(simulator.reset({ task: "juggle" })).rejects.toMatchObject({ code: "option_task" });
  await expect(simulator.reset({ start: "s" })).rejects.toMatchObject({ code: "option_start" });
  await simulator.reset({ maxTicks: 1 });
  await expect(simulator.step(STILL, { nfe: 1 })).rejects.toMatchObject({ code: "option_nfe" });
  await expect(simulator.step([1, 2])).rejects.toMatchObject({ code: "action_shape" });
  expect((await simulator.step(STILL)).truncated).toBe(true);
  await expect(simulator.step(STILL)).rejects.toMatchObject({ code: "reset_needed" });
  await simulator.close();
  await expect(simulator.reset()).rejects.toMatchObject({ code: "env_closed" });
});

test("newestOnly shows the newest frame of each tick as it is, in place of the others, and changes nothing else", async () => {
  const [all, newest] = [await createSimulator({ size: 32 }), await createSimulator({ size: 32, newestOnly: true })];
  const last = (frames: Uint8Array) => frames.slice((3 * frames.length) / 4);
  expect(await newest.reset({ seed: 4 })).toEqual(await all.reset({ seed: 4 }));
  for (let t = 0; t < 3; t++) {
    const action = new Float32Array(20).fill(0.5);
    const [shown, drawn] = [await all.step(action), await newest.step(action)];
    const frame = last(shown.observation.frames.data);
    expect(drawn.observation.frames.data).toEqual(new Uint8Array(Buffer.concat([frame, frame, frame, frame])));
    expect(shown.observation.frames.data).not.toEqual(drawn.observation.frames.data);
    expect({ ...drawn, observation: drawn.observation.proprioception }).toEqual({
      ...shown,
      observation: shown.observation.proprioception,
    });
  }
});

test("a simulator beside a world has frames as large as the world's", async () => {
  const spec = simulatorSpec({ size: 128 });
  const simulator = await createSimulator({ size: 128 });
  expect(simulator.spec).toEqual(spec);
  expect(sizeBeside(spec)).toBe(128);
  expect(differenceOf(spec, simulator.spec)).toBeUndefined();
  expect(differenceOf(spec, simulatorSpec())).toEqual({
    what: "frames",
    world: [4, 128, 128, 3],
    simulator: [4, 64, 64, 3],
  });
  const action = spec.action.map((channel) => ({ ...channel, high: 2 * channel.high }));
  expect(differenceOf({ ...spec, action }, spec)).toMatchObject({ what: "action", world: action }); // twice as far
});
