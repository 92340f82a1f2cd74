// What parts of the verdict are made with.
import type { Counting } from "./domain.js";
import { bootstrap, mean } from "./statistics.js";
import type { Metric, Plot, Point } from "./verdict.js";

const CURVE_RESAMPLES = 200;
/** Of fewer samples a curve shows no intervals: they are so wide that nothing else could be seen. */
const DRAWN = 5;

/** What a distance, or a ratio of distances, can be. */
export const POSITIVE = [0, Number.POSITIVE_INFINITY] as const;
/** What an area under a curve can be. */
export const AREA = [0, 1] as const;
/** What a correlation, or a structural similarity, can be. */
export const CORRELATION = [-1, 1] as const;

/**
 * The mean over samples with its interval, no further than `within`, what it can be. Samples where `of` is undefined are
 * left out.
 */
export function average<S>(
  samples: readonly S[],
  unit: string,
  seed: number,
  of: (sample: S) => number | undefined,
  within?: readonly [number, number],
): Metric {
  const there = samples.map(of).filter((value) => value !== undefined);
  return bootstrap(there, unit, seed, mean, within && { within });
}

/** The mean curve over samples, by seconds, with its intervals. */
export function curve<S>(
  samples: readonly S[],
  { seed, tickSeconds }: Counting,
  of: (sample: S) => readonly number[] | undefined,
): Point[] {
  const there = samples.map(of).filter((values) => values !== undefined);
  return (there[0] ?? []).map((_, t) => {
    const at = (drawn: readonly (readonly number[])[]) => mean(drawn.map((values) => values[t] as number));
    const { value, low, high } = bootstrap(there, "", seed, at, { resamples: CURVE_RESAMPLES });
    return point((t + 1) * tickSeconds, there.length < DRAWN ? { value } : { value, low, high });
  });
}

/** A point of a plot that shows a metric. */
export function point(
  x: number,
  { value, low, high }: { value: number; low?: number | undefined; high?: number | undefined },
  label?: string,
): Point {
  return {
    x,
    y: value,
    ...(low !== undefined && { low }),
    ...(high !== undefined && { high }),
    ...(label !== undefined && { label }),
  };
}

/** A plot of curves against seconds. */
export function curves(title: string, y: string, series: Readonly<Record<string, readonly Point[]>>): Plot {
  const drawn = Object.entries(series).map(([name, points]) => ({ name, points }));
  return { title, x: "time (s)", y, kind: "lines", series: drawn.filter(({ points }) => points.length > 0) };
}
