import { expect, test } from "vitest";
import { block, CounterWorld } from "../../test/counter-world.js";
import { checkEnv } from "./check-env.js";
import { record } from "./record.js";
import { observe } from "./streams.js";
import { Wrapper } from "./wrapper.js";

test("episodes hold one observation more than actions, and only what succeeded", async () => {
  const env = record(new CounterWorld());
  await env.reset({ seed: 1, maxTicks: 2 });
  await env.step(block(0.5));
  await expect(env.step(block(2))).rejects.toMatchObject({ code: "action_out_of_range" });
  await env.step(block(0.25));
  await expect(env.step(block(0))).rejects.toMatchObject({ code: "reset_needed" });
  const { observation } = await env.reset({ seed: 2 });
  const [first, second] = env.episodes;
  expect(first?.observations.length).toBe(3);
  expect(first?.infos.map(({ tick }) => tick)).toEqual([0, 1, 2]);
  expect(first?.actions.map(({ shape, data }) => [...shape, data[0]])).toEqual([
    [4, 2, 0.5],
    [4, 2, 0.25],
  ]);
  expect(first?.rewards).toEqual([0.5, 0.25]);
  expect(first).toMatchObject({ options: { seed: 1, maxTicks: 2 }, terminated: false, truncated: true });
  expect(second).toMatchObject({ observations: [observation], actions: [], truncated: false });
});

test("an episode holds of each step what it showed", async () => {
  const env = record(new CounterWorld());
  await env.reset({ seed: 1 });
  await env.step(block(0.5), { observe: ["state"] });
  const shown = env.episodes[0]?.observations.map((observation) => Object.keys(observation));
  expect(shown).toEqual([["frames", "proprioception"], ["proprioception"]]);
});

test("an env that was reset before is not stepped, since nobody knows how its episode began", async () => {
  const world = new CounterWorld();
  await world.reset({ seed: 1 });
  const env = record(world);
  await expect(env.step(block(0.5))).rejects.toMatchObject({ code: "reset_needed" });
  await expect(env.stepChunk?.([block(0.5)])).rejects.toMatchObject({ code: "reset_needed" });
  expect(world.tick).toBe(0);
  const calls = [env.reset({ seed: 2 }), env.step(block(0.5))]; // not awaited in between
  await Promise.all(calls);
  expect(env.episodes[0]?.rewards).toEqual([0.5]);
});

test("options that are no tensors are the env's to refuse", async () => {
  const refused = record(new CounterWorld()).reset({ frames: {} } as never);
  await expect(refused).rejects.toMatchObject({ code: "option_frames" });
});

test.each([
  ["Wrapper", () => new Wrapper(new CounterWorld())],
  ["record", () => record(new CounterWorld())],
  ["observe", () => observe(new CounterWorld())],
  ["one in another", () => record(observe(new Wrapper(new CounterWorld())))],
] as const)("what %s makes is an env like others", async (_, open) => {
  const { checks } = await checkEnv(async () => open(), { throwOnFailure: false });
  expect(checks.filter(({ ok }) => !ok)).toEqual([]);
});
