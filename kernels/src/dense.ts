// Numbers of a tensor or a weight, for the plain loops. In float64, so that what they say is what is meant.

export interface Dense {
  readonly shape: readonly number[];
  /** Row-major. */
  readonly data: Float64Array;
}

export function dense(shape: readonly number[]): Dense {
  return { shape, data: new Float64Array(shape.reduce((product, size) => product * size, 1)) };
}

/** The number at `i` of the data. */
export function at({ data }: Dense, i: number): number {
  const value = data[i];
  if (value === undefined) throw new RangeError(`number ${i} of ${data.length}`);
  return value;
}

/** `[rows, last]`: how many rows of how many numbers the last axis makes. */
export function rowsOf({ shape, data }: Dense): [number, number] {
  const last = shape.at(-1) ?? 1;
  return [data.length / last, last];
}

/** Where in `x` is what goes with number `index` (row-major) of `shape`, `x` having the size 1 on some of its axes. */
export function placeIn(x: readonly number[], shape: readonly number[], index: number): number {
  let [place, step, rest] = [0, 1, index];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const [size, of] = [x[axis] as number, shape[axis] as number];
    if (size !== 1) place += (rest % of) * step;
    step *= size;
    rest = Math.floor(rest / of);
  }
  return place;
}
