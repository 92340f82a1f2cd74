// On a world of the tests: what is left in it before each step.
import { join } from "node:path";
import { openWorld } from "@worldstep/engine";
import { byteTensor, type Env, floatTensor, type ResetOptions, type Tensor } from "@worldstep/protocols";
import { checkEnv } from "@worldstep/sdk";
import { expect, test } from "vitest";
import { WindowAlone } from "./window-alone.js";

const TINY_WORLD = join(import.meta.dirname, "../../test/fixtures/tiny-world");

test("knows the last ticks that it showed, and nothing before", async () => {
  const world = await openWorld(TINY_WORLD, { threads: 1 });
  const [stride = 0, height = 0, width = 0] = world.spec.observationSpace.spaces.frames?.shape ?? [];
  const size = stride * height * width * 3;
  const action = (t: number) => new Float32Array(world.spec.actionSpace.shape.reduce((a, b) => a * b)).fill(t / 10);
  const [window, steps, seed] = [3, 6, 5];

  const alone = new WindowAlone(await world.open(), window);
  const shown = [(await alone.reset({ seed })).observation];
  for (let t = 0; t < steps; t++) shown.push((await alone.step(action(t))).observation);
  const before = shown[steps - 1 - window]?.frames.data.subarray(size - size / stride) as Uint8Array;
  const frames = [before, ...shown.slice(steps - window, steps).map((observation) => observation.frames.data)];

  const anew = await world.open();
  await anew.reset({
    seed: seed + steps - 1,
    frames: byteTensor(new Uint8Array(Buffer.concat(frames)), [1 + stride * window, height, width, 3]),
    actions: floatTensor(new Float32Array([2, 3, 4].flatMap((t) => [...action(t)])), [
      window,
      ...world.spec.actionSpace.shape,
    ]),
    proprioception: shown[steps - 1]?.proprioception as Tensor & { data: Float32Array },
  } satisfies ResetOptions);
  const { observation } = await anew.step(action(steps - 1));
  expect(observation).toEqual(shown[steps]);

  const remembering: Env = await world.open();
  await remembering.reset({ seed });
  for (let t = 0; t < steps - 1; t++) await remembering.step(action(t));
  expect((await remembering.step(action(steps - 1))).observation).not.toEqual(shown[steps]);
  await world.close();
});

test("is an env like others", async () => {
  const world = await openWorld(TINY_WORLD, { threads: 1 });
  const open = async () => new WindowAlone(await world.open(), 2);
  const { checks } = await checkEnv(open, { throwOnFailure: false, ticks: 2 });
  expect(checks.filter(({ ok }) => !ok)).toEqual([]);
  await world.close();
});
