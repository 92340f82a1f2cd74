import type { Op, Rule } from "../../op.js";
import { demand, lastOf, type Tensor, withLast } from "../../tensor.js";

/**
 * How far the middles of `size` equal parts of [-1, 1] are from points in a picture, along x and along y: points `[.., 2 P]`, all x first ->
 * `[.., 2, size, P]`.
 */
export interface Lattice extends Op<"lattice"> {
  readonly in: { readonly points: Tensor };
  readonly out: { readonly y: Tensor };
  readonly weights: Record<never, string>;
  readonly attributes: { readonly size: number };
}

export const lattice: Rule<Lattice> = ({ in: { points }, attributes: { size } }) => {
  const count = lastOf(points.shape) / 2;
  demand(Number.isInteger(count), "points in a plane", points.shape);
  return { y: { shape: [...withLast(points.shape, 2), size, count], dtype: "f32" } };
};
