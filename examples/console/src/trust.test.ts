import { byteTensor, type EnvSpec, floatTensor } from "@worldstep/sdk";
import { expect, test } from "vitest";
import type { Seen } from "./seen.js";
import { gapOf, isParted } from "./trust.js";

const spec = { proprioception: ["x (m)", "y (m)", "z (m)", "yaw (rad)"] } as unknown as EnvSpec;

function seen(tip: readonly number[], things: Readonly<Record<string, number>>, pixel = 100): Seen {
  const proprioception = floatTensor(Float32Array.from(tip), [tip.length]);
  return {
    observation: { frames: byteTensor(Uint8Array.of(pixel, pixel, pixel), [1, 1, 1, 3]), proprioception },
    environmentState: things,
    reward: 0,
    total: 0,
    terminated: false,
    truncated: false,
    success: false,
    ms: 0,
  };
}

const things = { "red x (m)": 0.3, "red y (m)": 0, "blue x (m)": 0.4, "blue y (m)": 0.1, "red cos 4 yaw": 1 };

test("the gap is that of the tips, of the thing furthest off, and of the pictures", () => {
  const left = seen([0.3, 0.1, 0.2, 0], things);
  const right = seen([0.303, 0.104, 0.2, 3], {
    ...things,
    "blue x (m)": 0.43,
    "blue y (m)": 0.14,
    "red cos 4 yaw": -1,
  });
  const gap = gapOf(spec, { left, right });
  expect(gap.metres).toBeCloseTo(0.005);
  expect(gap.thing).toEqual({ name: "blue", metres: expect.closeTo(0.05) });
  expect(gap.decibels).toBe(Number.POSITIVE_INFINITY);
  expect(gapOf(spec, { left })).toEqual({});
});

test("worlds have parted where tips, a thing or pictures are too far apart", () => {
  const left = seen([0.3, 0.1, 0.2, 0], things);
  const beside = (right: Seen) => isParted(gapOf(spec, { left, right }));
  expect(beside(seen([0.31, 0.1, 0.2, 1], things))).toBe(false);
  expect(beside(seen([0.33, 0.1, 0.2, 0], things))).toBe(true);
  expect(beside(seen([0.3, 0.1, 0.2, 0], { ...things, "red y (m)": 0.03 }))).toBe(true);
  expect(beside(seen([0.3, 0.1, 0.2, 0], things, 200))).toBe(true);
  expect(beside(seen([0.3, 0.1, 0.2, 0], {}))).toBe(false);
});
