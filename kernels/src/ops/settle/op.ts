import type { Op, Rule } from "../../op.js";
import { broadcast, type Tensor } from "../../tensor.js";

/**
 * y = state + change, where a change of no more than `least` is none: what nobody touches stays where it is. Kept between the two rows
 * of `range` `[2, Q]`, where there is one. All `[.., Q]`.
 */
export interface Settle extends Op<"settle"> {
  readonly in: { readonly state: Tensor; readonly change: Tensor };
  readonly out: { readonly y: Tensor };
  readonly weights: { readonly range: readonly string[] };
  readonly attributes: { readonly least: number };
}

export const settle: Rule<Settle> = ({ in: { state, change } }) => ({
  y: { shape: broadcast("a state and its change", state.shape, change.shape), dtype: "f32" },
});
