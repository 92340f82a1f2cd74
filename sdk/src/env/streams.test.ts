import { lastValueFrom, toArray } from "rxjs";
import { expect, test } from "vitest";
import { block, CounterWorld } from "../../test/counter-world.js";
import { observe } from "./streams.js";

test("steps$ and frames$ show every result in order, and complete on close", async () => {
  const env = observe(new CounterWorld());
  const steps = lastValueFrom(env.steps$.pipe(toArray()));
  const frames = lastValueFrom(env.frames$.pipe(toArray()));
  const reset = await env.reset({ seed: 1 });
  const step = await env.step(block(0.5));
  await expect(env.step(block(Number.NaN))).rejects.toMatchObject({ code: "action_not_finite" });
  await env.step(block(0.5));
  await env.reset({ seed: 2 });
  await env.close();

  const events = await steps;
  expect(events.map(({ type, tick }) => [type, tick])).toEqual([
    ["reset", 0],
    ["step", 1],
    ["step", 2],
    ["reset", 0],
  ]);
  expect(events[0]?.observation).toBe(reset.observation);
  const shown = await frames;
  expect(shown.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 0]);
  expect(shown.map(({ tick }) => tick)).toEqual([0, 1, 1, 1, 1, 2, 2, 2, 2, 0]);
  const second = shown[2]?.frame;
  expect(second?.shape).toEqual([6, 6, 3]);
  expect(second?.data.buffer).toBe(step.observation.frames?.data.buffer);
  expect(second?.data).toEqual(step.observation.frames?.data.slice(108, 216));
});
