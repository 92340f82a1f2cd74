import { type Channel, type EnvSpec, elementCount } from "@worldstep/protocols";
import fc from "fast-check";
import { lastValueFrom, toArray } from "rxjs";
import { expect, test } from "vitest";
import { block, COUNTER_SPEC, CounterWorld } from "../../test/counter-world.js";
import { cutPlan } from "./cut-plan.js";
import { observe } from "./streams.js";

const channel = (name: string, kind: Channel["kind"]): Channel => ({ name, low: -1, high: 1, kind });

const SPEC: EnvSpec = {
  ...COUNTER_SPEC,
  stride: 2,
  actionSpace: { type: "box", dtype: "float32", shape: [2, 2], low: -1, high: 1 },
  action: [channel("dx", "delta"), channel("gripper", "gripper")],
  chunk: 8,
};

/** Ticks that move by `dx` in each of two control steps, with the gripper's action. */
const plan = (...ticks: readonly (readonly [dx: number, gripper: number])[]) =>
  ticks.map(([dx, gripper]) => [dx, gripper, dx, gripper]);
const lengths = (spec: EnvSpec, actions: Parameters<typeof cutPlan>[1]) => cutPlan(spec, actions).map((c) => c.length);

test("a plan that moves evenly is cut when a chunk has moved over half of its range", () => {
  const even = plan(...Array.from({ length: 8 }, () => [0.5, 1] as const));
  // The path has 16 points, 15 steps apart: 9 points and more are over half of it.
  expect(lengths(SPEC, even)).toEqual([5, 3]);
  const absolute = { ...SPEC, action: [channel("x", "absolute"), channel("gripper", "gripper")] };
  const there = Array.from({ length: 8 }, (_, i) => [i / 8, 1, i / 8, 1]);
  expect(lengths(absolute, there)).toEqual([5, 3]);
});

test("a plan that stands still is cut at the longest chunk", () => {
  expect(lengths(SPEC, plan(...Array.from({ length: 19 }, () => [0, 0] as const)))).toEqual([8, 8, 3]);
});

test("a tick in which the gripper turns is a chunk of its own; not moving it is no turn", () => {
  const ticks = plan([0, 1], [0, 1], [0, 0], [0, 1], [0, -1], [0, -1], [0, 1]);
  expect(lengths(SPEC, ticks)).toEqual([4, 1, 1, 1]);
  const within = [
    [0, 1, 0, 1],
    [0, 1, 0, -1],
    [0, -1, 0, -1],
  ];
  expect(lengths(SPEC, within)).toEqual([1, 1, 1]);
});

test("no action is lost, none is moved, and no chunk is longer than the world takes", () => {
  const value = fc.float({ min: -1, max: 1, noNaN: true });
  const actions = fc.array(fc.array(value, { minLength: 4, maxLength: 4 }), { maxLength: 40 });
  fc.assert(
    fc.property(actions, fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined }), (ticks, chunk) => {
      const { chunk: _, ...without } = SPEC;
      const chunks = cutPlan(chunk === undefined ? without : { ...SPEC, chunk }, ticks);
      expect(chunks.flat().map(({ data }) => Array.from(data))).toEqual(ticks.map((tick) => tick.map(Math.fround)));
      for (const { length } of chunks) {
        expect(length).toBeGreaterThan(0);
        expect(length).toBeLessThanOrEqual(chunk ?? 1);
      }
    }),
  );
});

test("a bad action is refused before anything is stepped", async () => {
  const world = new CounterWorld();
  await world.reset({ seed: 1 });
  const bad = new Float32Array(elementCount(COUNTER_SPEC.actionSpace.shape)).fill(2);
  await expect(lastValueFrom(observe(world).rolloutPlan([block(0), bad]))).rejects.toMatchObject({
    code: "action_out_of_range",
  });
  expect(world.tick).toBe(0);
});

test("a world without chunks is stepped through a plan tick by tick, until its episode ends", async () => {
  const [one, other] = [new CounterWorld(), new CounterWorld()];
  await one.reset({ seed: 1, maxTicks: 3 });
  await other.reset({ seed: 1, maxTicks: 3 });
  const actions = [0, 0.1, 0.2, 0.3, 0.4].map(block);
  const results = await lastValueFrom(observe(one).rolloutPlan(actions).pipe(toArray()));
  const expected = await lastValueFrom(observe(other).rollout(actions).pipe(toArray()));
  expect(results).toEqual(expected);
  expect(results).toHaveLength(3);
  await expect(observe(other).stepChunk(actions)).rejects.toMatchObject({ code: "action_chunk" });
});
