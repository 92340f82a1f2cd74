import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Channel, scale, unscale } from "./channel.js";

const SPEC = {
  actionSpace: { type: "box", dtype: "float32", shape: [2, 2], low: -1, high: 1 },
  action: [
    { name: "to x", unit: "px", low: 0, high: 511, kind: "absolute" },
    { name: "dz", unit: "m", low: -0.02, high: 0.02, kind: "delta", idle: 0 },
  ],
} as const;

describe("scale and unscale", () => {
  test("a channel's low and high are the action space's bounds, linear between, and on beyond them", () => {
    expect([...scale(SPEC, [0, -0.02, 511, 0.02, 255.5, 0, 1022, 0.03])]).toEqual([-1, -1, 1, 1, 0, 0, 3, 1.5]);
    expect([...unscale(SPEC, [-1, -1, 1, 1, 0, 0, 3, 1.5])]).toEqual(
      [0, -0.02, 511, 0.02, 255.5, 0, 1022, 0.03].map(Math.fround),
    );
  });

  test("rows may be nested, flat or a tensor", () => {
    const flat = [...scale(SPEC, [0, 0, 511, 0])];
    const nested = [
      [0, 0],
      [511, 0],
    ];
    expect([...scale(SPEC, nested)]).toEqual(flat);
    const data = Float32Array.from(nested.flat());
    expect([...scale(SPEC, data)]).toEqual(flat);
    expect([...scale(SPEC, { dtype: "float32", shape: [2, 2], data })]).toEqual(flat);
  });

  test("one undoes the other", () => {
    const range = fc.tuple(
      fc.double({ min: -1e3, max: 1e3, noNaN: true }),
      fc.double({ min: 0.01, max: 1e3, noNaN: true }),
    );
    fc.assert(
      fc.property(range, fc.double({ min: -1, max: 1, noNaN: true }), ([low, span], value) => {
        const channel: Channel = { name: "x", low, high: low + span, kind: "absolute" };
        const spec = { ...SPEC, action: [channel] };
        const [back = Number.NaN] = scale(spec, unscale(spec, [value]));
        expect(back).toBeCloseTo(value, span > 1 ? 3 : 1); // the robot's units pass through float32
      }),
    );
  });

  test("a channel that never moves is the middle, and comes back as it was", () => {
    const still = { ...SPEC, action: [{ name: "lock", low: 3, high: 3, kind: "flag" }] as const };
    expect([...scale(still, [3, 7])]).toEqual([0, 0]);
    expect([...unscale(still, [0, 1])]).toEqual([3, 3]);
  });

  test("numbers that are no rows, or not finite, are refused at the first", () => {
    expect(() => scale(SPEC, [1, 2, 3])).toThrow(expect.objectContaining({ code: "action_shape" }));
    expect(() => scale(SPEC, [])).toThrow(expect.objectContaining({ code: "action_shape" }));
    expect(() => unscale(SPEC, [0, Number.NaN])).toThrow(
      expect.objectContaining({ code: "action_not_finite", facts: { index: 1, value: "NaN" } }),
    );
  });
});
