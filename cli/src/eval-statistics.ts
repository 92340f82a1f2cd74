// The arithmetic of judging a world: PSNR, the area under a ROC curve, and bootstrap intervals.
import type { Metric } from "./metrics.js";
import { quantile } from "./statistics.js";

const RESAMPLES = 2000;

/** Peak signal to noise ratio, dB, of two pictures or clips of uint8; at most 99. */
export function psnr(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] as number) - (b[i] as number)) ** 2;
  return Math.min(99, 10 * Math.log10(255 ** 2 / (sum / a.length)));
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, x) => sum + x, 0) / values.length;
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
 * `statistic` of all `samples` with its 95 % percentile bootstrap interval: samples (whole rollouts, which are
 * independent) are drawn again with replacement, from a generator that `seed` starts.
 */
export function bootstrap<S>(
  samples: readonly S[],
  unit: string,
  seed: number,
  statistic: (samples: readonly S[]) => number,
): Metric {
  const random = mulberry32(seed);
  const values: number[] = [];
  for (let i = 0; i < RESAMPLES; i++) {
    const value = statistic(samples.map(() => samples[Math.floor(random() * samples.length)] as S));
    if (!Number.isNaN(value)) values.push(value); // a draw without both classes has no AUC
  }
  const [low, high] = [quantile(values, 0.025), quantile(values, 0.975)];
  return { value: statistic(samples), unit, low, high, n: samples.length };
}

// Tommy Ettinger's Mulberry32: enough for resampling.
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
