import fc from "fast-check";
import { expect, test } from "vitest";
import { along } from "./spline.js";

const POINTS = [
  { at: 0, by: [0, 1] },
  { at: 1, by: [2, 1] },
  { at: 3, by: [-1, 1] },
];

test("the path goes through its points, rests at its ends and stays there", () => {
  expect(along(POINTS, [0, 1, 3, 9])).toEqual([
    [0, 1],
    [2, 1],
    [-1, 1],
    [-1, 1],
  ]);
  const [early] = along(POINTS, [1e-4]);
  expect(Math.abs(early?.[0] as number)).toBeLessThan(1e-6);
});

test("it has no jumps in value or speed", () => {
  const h = 1e-5;
  fc.assert(
    fc.property(fc.double({ min: 0.01, max: 2.9, noNaN: true }), (t) => {
      const [a, b, c] = along(POINTS, [t - h, t, t + h]).map(([x]) => x as number) as [number, number, number];
      expect(Math.abs(b - a)).toBeLessThan(10 * h);
      expect(Math.abs(c - 2 * b + a) / h).toBeLessThan(1e-3);
    }),
  );
});
