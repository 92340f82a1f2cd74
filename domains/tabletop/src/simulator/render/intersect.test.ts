// Each body against its signed distance (iquilezles.org/articles/distfunctions), which shares nothing with the code.
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Body, bodyOf } from "./body.js";
import { enters, hit, ray } from "./intersect.js";
import type { Primitive } from "./scene.js";
import { viewOf } from "./view.js";

const VIEW = viewOf({ position: [0, 0, 9], target: [0, 0, 0], up: [0, 1, 0], fovY: 1 }, 2, 2);
const [A, B, C] = [0.5, 0.8, 0.3];

function body(kind: Primitive["kind"]): Body {
  const rotation = [1, 0, 0, 0, 1, 0, 0, 0, 1];
  return bodyOf({ kind, position: [0, 0, 0], rotation, size: [A, B, C], color: [1, 1, 1] }, VIEW, [0, 0, 1]);
}

const distances: Partial<Record<Primitive["kind"], (x: number, y: number, z: number) => number>> = {
  box: (x, y, z) => outside([Math.abs(x) - A, Math.abs(y) - B, Math.abs(z) - C]),
  sphere: (x, y, z) => Math.hypot(x, y, z) - A,
  cylinder: (x, y, z) => outside([Math.hypot(x, y) - A, Math.abs(z) - B]),
  capsule: (x, y, z) => Math.hypot(x, y, z - Math.max(-B, Math.min(B, z))) - A,
};

function outside(excess: number[]): number {
  return Math.hypot(...excess.map((e) => Math.max(e, 0))) + Math.min(Math.max(...excess), 0);
}

const coordinate = fc.double({ min: -2, max: 2, noNaN: true });
const slope = fc.oneof(fc.double({ min: -1, max: 1, noNaN: true }), fc.constant(0));

test.each(Object.entries(distances))("a ray enters a %s where its distance falls to zero", (kind, distance) => {
  const solid = body(kind as Primitive["kind"]);
  let hits = 0;
  fc.assert(
    fc.property(fc.tuple(coordinate, coordinate, coordinate), fc.tuple(slope, slope, slope), (origin, direction) => {
      fc.pre(Math.hypot(...direction) > 0.1 && distance(...origin) > 0.01);
      ray.set([...origin, ...direction]);
      const at = (t: number, shift = 0): number => {
        const p = origin.map((o, i) => o + t * (direction[i] as number) + shift * (hit[1 + i] as number));
        return distance(p[0] as number, p[1] as number, p[2] as number);
      };
      const entered = enters(solid);
      const length = Math.hypot(...direction);
      // Sphere tracing up to the surface, or past it.
      let t = 0;
      for (let i = 0; i < 400 && t < 100 && at(t) > 1e-7; i++) t += at(t) / length;
      if (!entered) {
        expect(at(t)).toBeGreaterThan(-1e-6);
        expect(at(t + 1e-3)).toBeGreaterThan(-1e-3); // it may graze
        return;
      }
      hits++;
      expect(at(hit[0] as number)).toBeCloseTo(0, 6);
      expect(Math.abs((hit[0] as number) - t)).toBeLessThan(2e-2); // sphere tracing is slow where a ray grazes
      expect(Math.hypot(hit[1] as number, hit[2] as number, hit[3] as number)).toBeCloseTo(1, 9);
      expect(at(hit[0] as number, 1e-3)).toBeCloseTo(1e-3, 6);
    }),
    { numRuns: 500, seed: 1 },
  );
  expect(hits).toBeGreaterThan(30);
});

test("a ray along an axis, or along -0 of it, meets what is in its way", () => {
  for (const zero of [0, -0]) {
    for (const kind of ["box", "sphere", "cylinder", "capsule"] as const) {
      for (const axis of [0, 1, 2]) {
        ray.set([0.1, 0.1, 0.1, zero, zero, zero]);
        ray[axis] = 3;
        ray[3 + axis] = -1;
        expect(enters(body(kind))).toBe(true);
        expect(hit[1 + axis]).toBeGreaterThan(0.9);
        ray[(axis + 1) % 3] = 2;
        expect(enters(body(kind))).toBe(false);
      }
    }
  }
});

test.each(["box", "sphere", "cylinder", "capsule"] as const)("a %s is not seen from within, nor behind", (kind) => {
  ray.set([0.1, 0.1, 0.1, 0.3, -0.2, 0.5]);
  expect(enters(body(kind))).toBe(false);
  ray.set([0, 0, 3, 0, 0, 1]);
  expect(enters(body(kind))).toBe(false);
});

test("a disc is seen from above, within its radius", () => {
  ray.set([0.2, 0.3, 1, 0, 0, -2]);
  expect(enters(body("disc"))).toBe(true);
  expect([...hit]).toEqual([0.5, 0, 0, 1]);
  ray.set([0.4, 0.4, 1, 0, 0, -1]);
  expect(enters(body("disc"))).toBe(false);
  ray.set([0, 0, -1, 0, 0, 1]);
  expect(enters(body("disc"))).toBe(false);
});
