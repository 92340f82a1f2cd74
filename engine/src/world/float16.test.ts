import { expect, it } from "vitest";
import { float16ToFloat32 } from "./float16.js";

it("reads zeros, normal and subnormal numbers, infinities and NaN", () => {
  const halves = [0x0000, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x0400, 0x03ff, 0x0001, 0x3555, 0x7c00, 0xfc00, 0x7e00];
  const bytes = new Uint8Array(halves.flatMap((half) => [half & 255, half >> 8]));
  const expected = [0, -0, 1, -2, 65504, 2 ** -14, 1023 * 2 ** -24, 2 ** -24, 0.333251953125];
  expect([...float16ToFloat32(bytes)]).toEqual([
    ...expected,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.NaN,
  ]);
});
