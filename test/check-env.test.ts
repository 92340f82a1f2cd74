// The kinds of env keep one contract: the simulator, a world in this process, and a world on a server
// (remote.test.ts).
import { join } from "node:path";
import { checkEnv, load, record } from "@worldstep/sdk";
import { createSimulator } from "@worldstep/tabletop";
import { expect, test } from "vitest";

const TINY_WORLD = join(import.meta.dirname, "fixtures/tiny-world");

test("the simulator passes checkEnv", async () => {
  const { checks } = await checkEnv(() => createSimulator(), { throwOnFailure: false });
  expect(checks.filter(({ ok }) => !ok)).toEqual([]);
});

test("a world in this process passes checkEnv", async () => {
  const world = await load(TINY_WORLD);
  const { checks } = await checkEnv(() => world.open(), { throwOnFailure: false });
  expect(checks.filter(({ ok }) => !ok)).toEqual([]);
  await world.close();
});

test("a world that is recorded passes checkEnv, and its chunks are kept", async () => {
  const world = await load(TINY_WORLD);
  const { checks } = await checkEnv(async () => record(await world.open()), { throwOnFailure: false });
  expect(checks.filter(({ ok }) => !ok)).toEqual([]);
  const env = record(await world.open());
  await env.reset({ seed: 1, maxTicks: 2 });
  const blocks = [0.1, 0.2, 0.3].map((x) => new Float32Array(20).fill(x));
  const results = await env.stepChunk?.(blocks);
  const [episode] = env.episodes;
  expect(episode?.observations.slice(1)).toEqual(results?.map(({ observation }) => observation));
  expect(episode?.actions.map(({ data }) => data)).toEqual(blocks.slice(0, 2));
  expect(episode).toMatchObject({ truncated: true, rewards: [0, 0] });
  await world.close();
});

test("a world in this process is stepped as a vector and as streams", async () => {
  const world = await load(TINY_WORLD);
  const vector = await world.vector(2);
  const { observations } = await vector.reset({ seed: 1 });
  expect(observations.frames?.shape).toEqual([2, ...(world.spec.observationSpace.spaces.frames?.shape ?? [])]);
  const count = world.spec.actionSpace.shape.reduce((product, size) => product * size, 2);
  const { rewards } = await vector.step(new Float32Array(count));
  expect(rewards.length).toBe(2);
  await vector.close();
  await world.close();
});
