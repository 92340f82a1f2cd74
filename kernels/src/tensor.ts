// Tensors of a plan: names with a shape and a type, no numbers.

/** A size; or one that each run has of its own. B: sessions of a batch. T: ticks of a chunk. */
export type Dim = number | "B" | "T";

/** Sizes, the slowest first: row-major. */
export type Shape = readonly Dim[];

export type Dtype = "f32" | "u8" | "i32";

/** Two tensors with one id are the same numbers in another shape. */
export interface Tensor {
  readonly id: number;
  readonly shape: Shape;
  readonly dtype: Dtype;
}

/** What an op makes, before it has an id. */
export interface Made {
  readonly shape: Shape;
  readonly dtype: Dtype;
}

/** Shapes that do not fit. It is the network's author who has to mend it, never a user. */
export class ShapeError extends Error {
  override name = "ShapeError";
}

export function show(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** Throws `ShapeError` where `fits` is false. */
export function demand(fits: boolean, what: string, ...shapes: readonly Shape[]): void {
  if (!fits) throw new ShapeError(`${what}: ${shapes.map(show).join(", ")}`);
}

export function isSame(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

/** The shape of `shapes` together, of one rank, where a size of 1 goes with any. Throws `ShapeError`. */
export function broadcast(what: string, ...shapes: readonly Shape[]): Shape {
  const [first = []] = shapes;
  return first.map((_, axis) => {
    const sizes = new Set(shapes.map((shape) => shape[axis]).filter((dim) => dim !== 1));
    demand(sizes.size <= 1 && shapes.every(({ length }) => length === first.length), what, ...shapes);
    return [...sizes][0] ?? 1;
  });
}

/** The last size of `shape`, which must be a number. Throws `ShapeError`. */
export function lastOf(shape: Shape): number {
  const last = shape.at(-1);
  if (typeof last !== "number") throw new ShapeError(`the last size of ${show(shape)} is to be a number`);
  return last;
}

/** The same shape with another last size. */
export function withLast(shape: Shape, size: Dim): Shape {
  return [...shape.slice(0, -1), size];
}

/** The product of the sizes that are numbers, and the others in their order. */
export function sizeOf(shape: Shape): { readonly count: number; readonly free: string } {
  const count = shape.reduce<number>((product, dim) => (typeof dim === "number" ? product * dim : product), 1);
  return { count, free: shape.filter((dim) => typeof dim === "string").join() };
}
