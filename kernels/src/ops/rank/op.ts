import type { Op, Rule } from "../../op.js";
import { broadcast, demand, lastOf, type Tensor, withLast } from "../../tensor.js";

/**
 * Where the strangest of n numbers, parts of the last axis side by side, `[.., n_i]`, would stand among `levels` `[m]`, quantiles from 0 to 1 in equal steps: `[.., 1]` in [0, 1]. A
 * number is as strange as it is over the first of its two in `scale` `[n, 2]`, in units of the second.
 */
export interface Rank extends Op<"rank"> {
  readonly in: { readonly x: readonly Tensor[] };
  readonly out: { readonly y: Tensor };
  readonly weights: { readonly scale: string; readonly levels: string };
  readonly attributes: Record<never, never>;
}

export const rank: Rule<Rank> = ({ in: { x }, weights }, weightShape) => {
  const shapes = x.map(({ shape }) => shape);
  const count = shapes.reduce((sum, shape) => sum + lastOf(shape), 0);
  demand(String(weightShape(weights.scale)) === String([count, 2]), weights.scale, ...shapes);
  return { y: { shape: broadcast("strangeness", ...shapes.map((shape) => withLast(shape, 1))), dtype: "f32" } };
};
