import type { Op, Rule } from "../../op.js";
import { demand, lastOf, type Tensor } from "../../tensor.js";

/**
 * A memory after one tick's tokens, in their order: S <- exp(decay) S once, then for each S <- S + write k (v - S^T k)^T (gated delta
 * rule: Yang et al., arXiv 2412.06464). x `[B, 1, L, 4 N D]` as of `deltaRead`; rates `[B, 1, L, 2 N]`: logits of write, and what the decay
 * is -exp(`decay` `[N]`) times the softplus of, its mean over tokens; state and y `[B, N, D, D]`. `Memory.written` of blocks.py.
 */
export interface DeltaWrite extends Op<"deltaWrite"> {
  readonly in: { readonly x: Tensor; readonly rates: Tensor; readonly state: Tensor };
  readonly out: { readonly y: Tensor };
  readonly weights: { readonly decay: string };
  readonly attributes: { readonly heads: number };
}

export const deltaWrite: Rule<DeltaWrite> = (
  { in: { x, rates, state }, weights, attributes: { heads } },
  weightShape,
) => {
  demand(x.shape[1] === 1, "one tick", x.shape);
  demand(
    lastOf(rates.shape) === 2 * heads && String(weightShape(weights.decay)) === String(heads),
    "rates",
    rates.shape,
  );
  demand(lastOf(state.shape) * heads * 4 === lastOf(x.shape), "a memory", x.shape, state.shape);
  return { y: { shape: state.shape, dtype: "f32" } };
};
