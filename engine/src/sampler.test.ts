import { expect, it } from "vitest";
import { project, sample } from "./sampler.js";

it("asks for levels from 1 to 0, each step from where the last ended, and at the end for the mean", async () => {
  const asked: [number, number][] = [];
  const denoise = async (z: Float32Array, t: number, r: number) => {
    asked.push([t, r]);
    return z.map(() => 1);
  };
  await sample(denoise, Float32Array.of(3, -2), 4, 2);
  expect(asked).toEqual([
    [1, 0.75],
    [0.75, 0.5],
    [0.5, 0.25],
    [0.25, 0.25],
  ]);
});

it("follows a straight flow to its end in any number of steps, and leaves the noise alone", async () => {
  const target = Float32Array.of(3, 4, -1, 1);
  const expected = [3 / Math.sqrt(12.5), 4 / Math.sqrt(12.5), -1, 1];
  for (const nfe of [1, 2, 7, 50]) {
    const noise = Float32Array.of(0.5, -0.5, 2, 1);
    const z = await sample(async () => target, noise, nfe, 2);
    for (const [i, value] of expected.entries()) expect(z[i]).toBeCloseTo(value, 5);
    expect([...noise]).toEqual([0.5, -0.5, 2, 1]);
  }
});

it("projects zeros to zeros", () => {
  expect([...project(new Float32Array(4), 2)]).toEqual([0, 0, 0, 0]);
});
