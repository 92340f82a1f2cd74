import { expect, test } from "vitest";
import { dot } from "./vector.js";
import { tangent, viewOf } from "./view.js";

test("tangent is tan, for every field of view", () => {
  for (let x = 0.01; x < 1.5; x += 0.01) expect(tangent(x) / Math.tan(x)).toBeCloseTo(1, 13);
  expect(tangent(0)).toBe(0);
});

test("the view's axes are orthonormal and samples lie at the centres of square cells", () => {
  const view = viewOf({ position: [1, -2, 3], target: [0, 0.5, 0], up: [0, 0, 1], fovY: Math.PI / 2 }, 4, 2);
  const { forward, right, up, sx, sy } = view;
  for (const axis of [forward, right, up]) expect(dot(axis, axis)).toBeCloseTo(1, 14);
  for (const [a, b] of [[forward, right] as const, [right, up] as const]) expect(dot(a, b)).toBeCloseTo(0, 14);
  expect(up[2]).toBeGreaterThan(0);
  expect([...sx].map((x) => Number(x.toFixed(12)))).toEqual([-1.5, -0.5, 0.5, 1.5]);
  expect([...sy].map((y) => Number(y.toFixed(12)))).toEqual([0.5, -0.5]);
});
