// The arithmetic of judging: how far pictures and numbers are apart, how well a ranking holds, and bootstrap intervals.
import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { ssim as ssimOf } from "ssim.js";
import type { Metric } from "./verdict.js";

const RESAMPLES = 2000;
const NORMAL = 1.96;
/** Student's t that 95 % lie within, of 2 samples, 3 and so on up to 9. */
const STUDENT = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306];
/** So many samples are drawn again; fewer have Student's interval. */
export const FEW = STUDENT.length + 2;
const ANY = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const;

/** Quantile `q` in [0, 1] of `values`, linear between neighbours; NaN of none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Peak signal to noise ratio, dB, of two pictures or clips of uint8; at most 99. */
export function psnr(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] as number) - (b[i] as number)) ** 2;
  return Math.min(99, 10 * Math.log10(255 ** 2 / (sum / a.length)));
}

/** Structural similarity (Wang et al., 2004: luma, Gaussian windows of 11 x 11) of two pictures `[size, size, 3]` uint8, in [-1, 1]. */
export function ssim(a: Uint8Array, b: Uint8Array, size: number): number {
  const rgba = (rgb: Uint8Array) => {
    const data = new Uint8ClampedArray(4 * size * size).fill(255);
    for (let i = 0; i < size * size; i++) data.set(rgb.subarray(3 * i, 3 * i + 3), 4 * i);
    return { data, width: size, height: size };
  };
  return ssimOf(rgba(a), rgba(b), { ssim: "original" }).mssim;
}

export function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] as number) - (b[i] as number)) ** 2;
  return Math.sqrt(sum);
}

/** A score and whether it should have been high. */
export interface Scored {
  readonly score: number;
  readonly positive: boolean;
}

/** Area under the ROC curve: the chance that a positive scores above a negative, ties half. NaN without both. */
export function auc(samples: readonly Scored[]): number {
  const sorted = [...samples].sort((a, b) => a.score - b.score);
  let [ranks, positives] = [0, 0];
  for (let i = 0; i < sorted.length; ) {
    let end = i;
    while (end < sorted.length && sorted[end]?.score === sorted[i]?.score) end++;
    const tied = sorted.slice(i, end).filter(({ positive }) => positive).length;
    ranks += tied * ((i + 1 + end) / 2); // the mean rank of the tie, from 1
    positives += tied;
    i = end;
  }
  const negatives = sorted.length - positives;
  return (ranks - (positives * (positives + 1)) / 2) / (positives * negatives);
}

/**
 * Pearson's correlation. 1 where the two are equal up to a shift, also when they are constant (SIMPLER's `metrics.py`); NaN
 * of fewer than two.
 */
export function pearson(x: readonly number[], y: readonly number[]): number {
  if (x.length < 2) return Number.NaN;
  const [meanX, meanY] = [mean(x), mean(y)];
  let [xy, xx, yy, apart] = [0, 0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const [dx, dy] = [(x[i] as number) - meanX, (y[i] as number) - meanY];
    xy += dx * dy;
    xx += dx * dx;
    yy += dy * dy;
    apart = Math.max(apart, Math.abs(dx - dy));
  }
  return apart === 0 ? 1 : xy / (Math.sqrt(xx * yy) + 1e-8);
}

/** Spearman's correlation: Pearson's of the ranks, ties at their mean rank. */
export function spearman(x: readonly number[], y: readonly number[]): number {
  return pearson(ranks(x), ranks(y));
}

/** Ranks from 1 upwards, ties at their mean. */
function ranks(values: readonly number[]): number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const tied = values.filter((other) => other === value).length;
    return below + (tied + 1) / 2;
  });
}

/**
 * Mean maximum rank violation (SIMPLER, Li et al., 2024): for each policy, the largest gap in `real` to one with which it
 * is ranked the other way in `dreamed`; the mean over policies. A tie in the dream violates for the better one. 0 is best.
 */
export function mmrv(dreamed: readonly number[], real: readonly number[]): number {
  const violations = real.map((own, i) => {
    const gaps = real.map((other, j) => {
      const inverted = (dreamed[i] as number) > (dreamed[j] as number) !== own > other;
      return inverted ? Math.abs(own - other) : 0;
    });
    return Math.max(...gaps);
  });
  return mean(violations);
}

/** Rows of features, each `[d]`. */
export type Features = readonly ArrayLike<number>[];

/** Puts features along the first principal axes of some. */
export class PrincipalAxes {
  readonly #axes: Matrix;

  /** The first `count` axes of `features`. */
  constructor(features: Features, count: number) {
    const { covariance } = moments(matrix(features));
    const { realEigenvalues: variances, eigenvectorMatrix } = eigen(covariance);
    const order = variances.map((_, i) => i).sort((a, b) => (variances[b] as number) - (variances[a] as number));
    this.#axes = eigenvectorMatrix.subMatrixColumn(order.slice(0, count));
  }

  /** `features` `[n, d]` along the axes: `[n, count]`. */
  reduce(features: Features): number[][] {
    return matrix(features).mmul(this.#axes).to2DArray();
  }
}

/**
 * Frechet distance of the normal distributions that fit two sets of features (Heusel et al., 2017):
 * |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^1/2). NaN of fewer than two.
 */
export function frechet(a: Features, b: Features): number {
  if (a.length < 2 || b.length < 2) return Number.NaN;
  const [first, second] = [moments(matrix(a)), moments(matrix(b))];
  // tr (C1 C2)^1/2 is that of (R C2 R)^1/2, which is symmetric, for R = C1^1/2.
  const { realEigenvalues, eigenvectorMatrix } = eigen(first.covariance);
  const scaled = Matrix.diag(realEigenvalues.map((value) => Math.sqrt(Math.max(0, value))));
  const root = eigenvectorMatrix.mmul(scaled).mmul(eigenvectorMatrix.transpose());
  const between = eigen(root.mmul(second.covariance).mmul(root)).realEigenvalues;
  const shared = sum(between.map((value) => Math.sqrt(Math.max(0, value))));
  const apart = distance(first.mean, second.mean) ** 2;
  return Math.max(0, apart + first.covariance.trace() + second.covariance.trace() - 2 * shared); // rounding can go below
}

function matrix(features: Features): Matrix {
  return new Matrix(features.map((row) => Array.from(row)));
}

function eigen(symmetric: Matrix): EigenvalueDecomposition {
  return new EigenvalueDecomposition(symmetric, { assumeSymmetric: true });
}

function moments(rows: Matrix): { mean: number[]; covariance: Matrix } {
  const mean = rows.mean("column");
  const centred = rows.clone().subRowVector(mean);
  return {
    mean,
    covariance: centred
      .transpose()
      .mmul(centred)
      .div(Math.max(1, rows.rows - 1)),
  };
}

/** How often something held, of how often it could have. */
export interface Tally {
  readonly held: number;
  readonly of: number;
}

/** The share that held over all tallies; NaN where there was none to hold. */
export function rate(tallies: readonly Tally[]): number {
  return sum(tallies.map(({ held }) => held)) / sum(tallies.map(({ of }) => of));
}

/**
 * The rate of `tallies` (of whole rollouts, which are independent; n counts those that had a chance) with Wilson's 95 %
 * interval. Chances of one rollout are alike: they count as so many independent ones as would vary as much as the rollouts
 * do (Korn and Graubard, 1998), and where these are few, or all or none of the chances held, a rollout counts as one.
 */
export function share(tallies: readonly Tally[]): Metric {
  const there = tallies.filter(({ of }) => of > 0);
  const [p, n] = [rate(there), there.length];
  if (n === 0) return { value: p, unit: "share", n };
  const chances = sum(there.map(({ of }) => of));
  const variance = ((n / (n - 1)) * sum(there.map(({ held, of }) => (held - p * of) ** 2))) / chances ** 2;
  const independent = n < FEW || p === 0 || p === 1 ? n : Math.min(chances, 1 + (p * (1 - p)) / variance);
  const z2 = NORMAL ** 2 / independent;
  const half = (NORMAL * Math.sqrt((p * (1 - p)) / independent + z2 / 4 / independent)) / (1 + z2);
  const middle = (p + z2 / 2) / (1 + z2);
  return { value: p, unit: "share", low: Math.max(0, middle - half), high: Math.min(1, middle + half), n };
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, x) => total + x, 0);
}

export interface BootstrapOptions {
  readonly resamples?: number;
  /** The least and the most that the statistic can be. */
  readonly within?: readonly [least: number, most: number];
  /**
   * Whether drawing again pushes the statistic one way, as it does a largest gap up and a correlation down: the draws are
   * moved until the value is their median, as that push is in the value once and in them twice.
   */
  readonly pushed?: boolean;
}

/**
 * `statistic` of all `samples` with its 95 % interval. Samples (whole rollouts, which are independent) are drawn again with
 * replacement, from a generator that `seed` starts, and the interval is that of percentiles. Fewer than 10 can't be drawn
 * again: their interval is Student's, by what the statistic becomes without each of them (the jackknife). There is no
 * interval where nothing varies, as of one sample, or where `statistic` is not finite.
 */
export function bootstrap<S>(
  samples: readonly S[],
  unit: string,
  seed: number,
  statistic: (samples: readonly S[]) => number,
  { resamples = RESAMPLES, within = ANY, pushed = false }: BootstrapOptions = {},
): Metric {
  const n = samples.length;
  const value = statistic(samples);
  if (!Number.isFinite(value)) return { value, unit, n };
  const [low, high] = n < FEW ? jackknife(samples, value, statistic) : percentiles();
  if (!(low < high)) return { value, unit, n };
  const [least, most] = within;
  return { value, unit, low: Math.max(least, low), high: Math.min(most, high), n };

  function percentiles(): readonly [number, number] {
    const random = mulberry32(seed);
    const values: number[] = [];
    for (let i = 0; i < resamples; i++) {
      const drawn = statistic(samples.map(() => samples[Math.floor(random() * n)] as S));
      if (Number.isFinite(drawn)) values.push(drawn); // a draw without both classes has no AUC, say
    }
    const push = pushed ? quantile(values, 0.5) - value : 0;
    return [quantile(values, 0.025) - push, quantile(values, 0.975) - push];
  }
}

/** The ends of Student's interval around `value`; NaN of one sample, and where the statistic needs every one. */
function jackknife<S>(
  samples: readonly S[],
  value: number,
  statistic: (samples: readonly S[]) => number,
): readonly [number, number] {
  const n = samples.length;
  const without = samples.map((_, i) => statistic(samples.filter((_, j) => j !== i)));
  const middle = mean(without);
  const error = Math.sqrt(((n - 1) / n) * sum(without.map((x) => (x - middle) ** 2)));
  const half = (STUDENT[n - 2] ?? Number.NaN) * error;
  return [value - half, value + half];
}

/** Tommy Ettinger's Mulberry32, numbers in [0, 1): enough for resampling. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
