import { expect, test } from "vitest";
import { linearColor, linearOf, SRGB_BYTES, SRGB_LEVELS } from "./srgb.js";

test("the table is the formula of IEC 61966-2-1", () => {
  for (let level = 0; level < SRGB_LEVELS; level++) {
    const linear = level / (SRGB_LEVELS - 1);
    const encoded = linear <= 0.0031308 ? linear * 12.92 : 1.055 * linear ** (1 / 2.4) - 0.055;
    // The standard's two pieces do not quite meet, so a border may fall a hair to either side.
    expect(Math.abs((SRGB_BYTES[level] as number) - encoded * 255)).toBeLessThan(0.5001);
  }
});

test("every byte survives the way to linear light and back", () => {
  for (let byte = 0; byte < 256; byte++) {
    const level = Math.round(linearOf(byte / 255) * (SRGB_LEVELS - 1));
    expect(SRGB_BYTES[level]).toBe(byte);
  }
});

test("a hex colour becomes linear light", () => {
  const [red, green, blue] = linearColor(0xff8000);
  expect(red).toBeCloseTo(1, 12);
  expect(green).toBeCloseTo(((128 / 255 + 0.055) / 1.055) ** 2.4, 12);
  expect(blue).toBe(0);
});
