import { describe, expect, it } from "vitest";
import { draw, drawStart, nextSeed, normals, philox, type Words } from "./philox.js";

const hex = (text: string): number[] => text.split(" ").map((word) => Number.parseInt(word, 16));

describe("philox", () => {
  // Known answers of Random123's kat_vectors, philox4x32 10: counter, key, result.
  it.each([
    ["00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"],
    ["ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"],
    ["243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"],
  ])("of %s under %s is %s", (counter, key, expected) => {
    const [k = 0, l = 0] = hex(key);
    expect([...philox(hex(counter) as unknown as Words, [k, l])]).toEqual(hex(expected));
  });
});

describe("streams", () => {
  it("normal numbers have mean 0, variance 1 and kurtosis 3", () => {
    const x = normals(7, 3, 100_000);
    const moment = (power: number) => x.reduce((sum, y) => sum + y ** power, 0) / x.length;
    expect(moment(1)).toBeCloseTo(0, 1);
    expect(moment(2)).toBeCloseTo(1, 1);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.1);
  });

  it("a number depends on seed, tick and place, not on how many are drawn", () => {
    const five = normals(2 ** 53 - 1, 9, 5);
    expect(normals(2 ** 53 - 1, 9, 50).slice(0, 5)).toEqual(five);
    expect(normals(2 ** 53 - 2, 9, 5)).not.toEqual(five);
    expect(normals(2 ** 53 - 1, 10, 5)).not.toEqual(five);
  });

  it("seeds that differ in their upper words alone differ", () => {
    expect(draw(2 ** 32, "noise")).not.toEqual(draw(0, "noise"));
    expect(draw(0, "noise", 2 ** 32)).not.toEqual(draw(0, "noise", 0));
  });

  it("starts are spread evenly, the next seed is a seed", () => {
    const counts = [0, 0, 0];
    let seed = 1;
    for (let i = 0; i < 3000; i++) {
      const start = drawStart(seed, 3);
      counts[start] = (counts[start] ?? 0) + 1;
      seed = nextSeed(seed);
      expect(Number.isSafeInteger(seed) && seed >= 0).toBe(true);
    }
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(120);
  });
});
