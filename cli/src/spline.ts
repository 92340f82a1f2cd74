// A smooth path through points in time.

/** Where a path is so many seconds after its beginning. */
export interface Waypoint {
  readonly at: number;
  readonly by: readonly number[];
}

/**
 * The path through `points`, ordered by time, from rest at the first to rest at the last: cubic Hermite pieces whose slopes
 * are those between the neighbours (Catmull and Rom, 1974, with uneven times). At each of `times` a value like `by`.
 */
export function along(points: readonly Waypoint[], times: readonly number[]): number[][] {
  const slopes = points.map(({ by }, i) => {
    const [before, after] = [points[i - 1], points[i + 1]];
    if (!before || !after) return by.map(() => 0);
    return by.map((_, k) => ((after.by[k] as number) - (before.by[k] as number)) / (after.at - before.at));
  });
  return times.map((time) => {
    const next = points.findIndex(({ at }) => at > time);
    if (next <= 0) return [...((next === 0 ? points[0] : points.at(-1)) as Waypoint).by];
    const [from, to] = [points[next - 1], points[next]] as [Waypoint, Waypoint];
    const span = to.at - from.at;
    const s = (time - from.at) / span;
    return from.by.map((start, k) => {
      const [end, leaving, arriving] = [to.by[k], slopes[next - 1]?.[k], slopes[next]?.[k]] as [number, number, number];
      const rise = s * s * (3 - 2 * s);
      return start + (end - start) * rise + span * s * (1 - s) * ((1 - s) * leaving - s * arriving);
    });
  });
}
