import type { Op, Rule } from "../../op.js";
import { lastOf, type Tensor, withLast } from "../../tensor.js";

/**
 * x `[.., n]` -> x, then the sines, then the cosines of x times each of `rates`, by rate and then by number: `[.., n (1 + 2 rates)]`
 * (Tancik et al., 2020, arXiv 2006.10739).
 */
export interface Fourier extends Op<"fourier"> {
  readonly in: { readonly x: Tensor };
  readonly out: { readonly y: Tensor };
  readonly weights: Record<never, string>;
  readonly attributes: { readonly rates: readonly number[] };
}

export const fourier: Rule<Fourier> = ({ in: { x }, attributes }) => ({
  y: { shape: withLast(x.shape, lastOf(x.shape) * (1 + 2 * attributes.rates.length)), dtype: "f32" },
});
