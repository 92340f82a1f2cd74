import type { Op, Rule } from "../../op.js";
import { demand, lastOf, type Tensor } from "../../tensor.js";

/**
 * x `[.., L, W]` with mean 0 and variance 1 over W (epsilon 1e-6), times scale plus shift: parts `at + 1` and `at` of `modulation` `[.., n W]`
 * (adaLN: Peebles and Xie, 2022, arXiv 2212.09748; the 1 of 1 + scale is in the modulation).
 */
export interface Modulate extends Op<"modulate"> {
  readonly in: { readonly x: Tensor; readonly modulation: Tensor };
  readonly out: { readonly y: Tensor };
  readonly weights: Record<never, string>;
  readonly attributes: { readonly at: number };
}

export const modulate: Rule<Modulate> = ({ in: { x, modulation } }) => {
  demand(lastOf(modulation.shape) % lastOf(x.shape) === 0, "parts of a modulation", x.shape, modulation.shape);
  return { y: { shape: x.shape, dtype: "f32" } };
};
