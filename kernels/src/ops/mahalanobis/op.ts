import type { Op, Rule } from "../../op.js";
import { demand, type Tensor } from "../../tensor.js";

/**
 * How far rows `[.., n, d]` are from their means `[n, d]`, along the d `axes` `[d, d]` (a column an axis) along which they have unit variance:
 * the logarithm of the mean square, `[..]` with 1 behind.
 */
export interface Mahalanobis extends Op<"mahalanobis"> {
  readonly in: { readonly x: Tensor };
  readonly out: { readonly y: Tensor };
  readonly weights: { readonly mean: string; readonly axes: string };
  readonly attributes: Record<never, never>;
}

export const mahalanobis: Rule<Mahalanobis> = ({ in: { x }, weights }, weightShape) => {
  demand(String(x.shape.slice(-2)) === String(weightShape(weights.mean)), weights.mean, x.shape);
  return { y: { shape: [...x.shape.slice(0, -2), 1], dtype: "f32" } };
};
