import { expect, test } from "vitest";
import {
  auc,
  bootstrap,
  frechet,
  mean,
  mmrv,
  mulberry32,
  PrincipalAxes,
  pearson,
  psnr,
  rate,
  share,
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
  const policies = Array.from({ length: 24 }, (_, i) => i / 24 + 0.02);
  const starts = Array.from({ length: 12 }, (_, i) => policies.map((rate) => Number((i + 0.5) / 12 < rate)));
  const rates = (drawn: readonly number[][]) => policies.map((_, p) => mean(drawn.map((start) => start[p] as number)));
  const noisy = (drawn: readonly number[][]) => mmrv(rates(drawn), policies);
  const plain = bootstrap(starts, "share", 1, noisy);
  expect(plain.low).toBeGreaterThanOrEqual(plain.value);
  const moved = bootstrap(starts, "share", 1, noisy, { within: [0, 1], pushed: true });
  expect(moved.low).toBeGreaterThanOrEqual(0);
  expect(moved.low).toBeLessThan(moved.value);
  expect(moved.high).toBeGreaterThan(moved.value);
});

test("few samples: Student's interval, and none of one, or where nothing varies", () => {
  const two = bootstrap([1, 3], "cm", 1, mean);
  expect(two.low).toBeCloseTo(2 - 12.706, 9);
  expect(two.high).toBeCloseTo(2 + 12.706, 9);
  expect(bootstrap([1, 3], "cm", 1, mean, { within: [0, 10] })).toMatchObject({ low: 0, high: 10 });
  for (const samples of [[7], [7, 7], [7, 7, 7, 7], Array(40).fill(7)]) {
    expect(bootstrap(samples, "cm", 1, mean)).toEqual({ value: 7, unit: "cm", n: samples.length });
  }
});

test.each([2, 3, 6, 9, 12])("the interval of %i samples holds the truth about as often as it says", (n) => {
  const random = mulberry32(n);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const draws = Array.from({ length: 400 }, (_, seed) => {
    const samples = Array.from({ length: n }, normal);
    const { low = 0, high = 0 } = bootstrap(samples, "", seed, mean, { resamples: 400 });
    return low < 0 && 0 < high;
  });
  expect(mean(draws.map(Number))).toBeGreaterThan(0.88);
});

test("shares: Wilson's interval, as Newcombe (1998) has it", () => {
  const trials = (held: number, of: number) =>
    Array.from({ length: of }, (_, i) => ({ held: Number(i < held), of: 1 }));
  for (const [held, of, low, high] of [
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ] as const) {
    const metric = share(trials(held, of));
    expect(metric.value).toBeCloseTo(held / of, 12);
    expect(metric.low).toBeCloseTo(low, 3);
    expect(metric.high).toBeCloseTo(high, 3);
  }
  expect(share(trials(2, 2))).toMatchObject({ value: 1, high: 1, n: 2 });
  expect(share(trials(2, 2)).low).toBeLessThan(0.4);
  expect(share([])).toEqual({ value: Number.NaN, unit: "share", n: 0 });
});

test("shares: chances of one rollout are not so many rollouts", () => {
  const alike = share(Array.from({ length: 20 }, (_, i) => ({ held: 25 * (i % 2), of: 25 }))); // all or none
  const apart = share(Array.from({ length: 500 }, (_, i) => ({ held: i % 2, of: 1 })));
  const width = ({ low = 0, high = 0 }) => high - low;
  expect(alike.value).toBe(apart.value);
  expect(width(alike)).toBeGreaterThan(4 * width(apart)); // 20 and 500 independent chances: 5 times
  const all = share(Array.from({ length: 40 }, () => ({ held: 25, of: 25 })));
  expect(all.low).toBeCloseTo(40 / (40 + 1.96 ** 2), 3);
});
