import { expect, test } from "vitest";
import {
  auc,
  bootstrap,
  frechet,
  mean,
  mmrv,
  PrincipalAxes,
  pearson,
  precision,
  psnr,
  rate,
  recall,
  spearman,
  ssim,
} from "./statistics.js";

test("a ranking with a tie and inversions, by hand", () => {
  const real = [0.9, 0.6, 0.3];
  const dreamed = [0.5, 0.7, 0.7];
  expect(pearson(dreamed, real)).toBeCloseTo(-Math.sqrt(3) / 2, 6);
  expect(spearman(dreamed, real)).toBeCloseTo(-Math.sqrt(3) / 2, 6);
  expect(mmrv(dreamed, real)).toBeCloseTo((0.6 + 0.3 + 0.6) / 3, 12);
});

test("a perfect ranking, and one in which the best two are swapped", () => {
  const real = [1, 0.8, 0.5, 0];
  expect(pearson(real, real)).toBeCloseTo(1, 6);
  expect(spearman([0.4, 0.3, 0.2, 0.1], real)).toBeCloseTo(1, 6);
  expect(mmrv([0.4, 0.3, 0.2, 0.1], real)).toBe(0);
  expect(spearman([0.8, 1, 0.5, 0], real)).toBeCloseTo(0.8, 6); // 1 - 6 (1 + 1) / (4 (16 - 1))
  expect(mmrv([0.8, 1, 0.5, 0], real)).toBeCloseTo((0.2 + 0.2) / 4, 12);
});

test("scores that are all the same: equal to the others they correlate, else they say nothing", () => {
  expect(pearson([0.5, 0.5], [0.5, 0.5])).toBe(1);
  expect(pearson([0.5, 0.5], [0.2, 0.7])).toBe(0);
  expect(pearson([], [])).toBeNaN();
  expect(spearman([1], [1])).toBeNaN();
  expect(mmrv([0.5, 0.5], [0.2, 0.7])).toBeCloseTo(0.25, 12); // the tie violates for the better policy alone
});

test("the Frechet distance of sets whose moments are known", () => {
  const a = [
    [1, 0],
    [-1, 0],
    [0, 1],
    [0, -1],
  ];
  const b = a.map(([x = 0, y = 0]) => [2 * x + 3, 2 * y + 4]);
  expect(frechet(a, a)).toBeCloseTo(0, 9);
  expect(frechet(a, b)).toBeCloseTo(25 + 2 * (2 / 3 + 8 / 3 - 2 * (4 / 3)), 9);
  expect(frechet(b, a)).toBeCloseTo(frechet(a, b), 9);
  expect(frechet(a.slice(0, 1), b)).toBeNaN();
});

test("principal axes keep what varies most", () => {
  const rows = Array.from({ length: 20 }, (_, i) => [0.01 * (i % 3), i, 0.02 * (i % 2)]);
  const along = new PrincipalAxes(rows, 1).reduce(rows).map(([x = 0]) => x);
  expect(Math.abs((along[19] as number) - (along[0] as number))).toBeCloseTo(19, 1);
});

test("pictures: equal ones, and ones that are off by a known amount", () => {
  const a = Uint8Array.from({ length: 32 * 32 * 3 }, (_, i) => (i * 7) % 200);
  expect(psnr(a, a)).toBe(99);
  expect(ssim(a, a, 32)).toBeCloseTo(1, 6);
  const off = a.map((x) => x + 5);
  expect(psnr(a, off)).toBeCloseTo(20 * Math.log10(255 / 5), 9);
  expect(
    ssim(
      a,
      off.map((_, i) => (i * 13) % 251),
      32,
    ),
  ).toBeLessThan(0.5);
});

test("structural similarity is that of scikit-image 0.26, with Gaussian windows", () => {
  const a = Uint8Array.from({ length: 3 * 32 * 32 }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % 32, Math.floor(i / 96)];
    return (x * x * 3 + y * 11 + (i % 3) * 40) % 251;
  });
  const b = a.map((v, i) => (v * 3 + (((Math.floor(i / 3) % 32) * Math.floor(i / 96)) % 90)) >> 2);
  expect(Math.abs(ssim(a, b, 32) - 0.9358333)).toBeLessThan(1e-3); // luma is rounded here
});

test("detections", () => {
  expect(precision({ hits: 3, misses: 1, falseAlarms: 2 })).toBe(0.6);
  expect(recall({ hits: 3, misses: 1, falseAlarms: 2 })).toBe(0.75);
  expect(precision({ hits: 0, misses: 1, falseAlarms: 0 })).toBeNaN();
  expect(
    rate([
      { held: 1, of: 2 },
      { held: 0, of: 0 },
      { held: 3, of: 3 },
    ]),
  ).toBe(0.8);
  const scored = [0.9, 0.8, 0.4, 0.4].map((score, i) => ({ score, positive: i === 0 || i === 2 }));
  expect(auc(scored)).toBe((1 + 0.5 * 0 + 1 + 0 + 0.5) / 4);
});

test("the bootstrap: the same for a seed, around the value, and about as wide as theory says", () => {
  const samples = Array.from({ length: 100 }, (_, i) => i);
  const metric = bootstrap(samples, "", 1, mean);
  expect(bootstrap(samples, "", 1, mean)).toEqual(metric);
  expect(metric).toMatchObject({ value: 49.5, n: 100 });
  const wide = 2 * 1.96 * (Math.sqrt((100 ** 2 - 1) / 12) / 10);
  expect((metric.high as number) - (metric.low as number)).toBeGreaterThan(0.85 * wide);
  expect((metric.high as number) - (metric.low as number)).toBeLessThan(1.15 * wide);
  expect(bootstrap([], "", 1, mean)).toMatchObject({ n: 0 });
});

test("the bootstrap of what drawing again pushes one way: the value is within, and nothing beyond what can be", () => {
  const policies = Array.from({ length: 8 }, (_, i) => i / 8 + 0.06);
  const starts = Array.from({ length: 6 }, (_, i) => policies.map((rate) => Number((i + 0.5) / 6 < rate)));
  const rates = (drawn: readonly number[][]) => policies.map((_, p) => mean(drawn.map((start) => start[p] as number)));
  const noisy = (drawn: readonly number[][]) => mmrv(rates(drawn), policies);
  const plain = bootstrap(starts, "share", 1, noisy);
  expect(plain.low).toBeGreaterThanOrEqual(plain.value);
  const moved = bootstrap(starts, "share", 1, noisy, { within: [0, 1] });
  expect(moved.low).toBeGreaterThanOrEqual(0);
  expect(moved.low).toBeLessThan(moved.value);
  expect(moved.high).toBeGreaterThan(moved.value);
});
