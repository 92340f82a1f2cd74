import type { Op, Rule } from "../../op.js";
import { demand, type Tensor } from "../../tensor.js";

/**
 * What N views say, x `[.., N, shared + own]`, of a difference, as one, `[.., Q]`: on the first `shared` numbers they take the mean, and
 * the others are each view's own. `orders` as of `views`; divided by the first row of `units` `[2, Q]`, where there are any.
 */
export interface MergeViews extends Op<"mergeViews"> {
  readonly in: { readonly x: Tensor };
  readonly out: { readonly y: Tensor };
  readonly weights: { readonly units: readonly string[] };
  readonly attributes: { readonly orders: readonly (readonly number[])[]; readonly shared: number };
}

export const mergeViews: Rule<MergeViews> = ({ in: { x }, attributes: { orders, shared } }) => {
  const [N, said] = x.shape.slice(-2);
  const size = orders[0]?.length ?? 0;
  demand(N === orders.length && said === shared + (size - shared) / orders.length, "what views say", x.shape);
  return { y: { shape: [...x.shape.slice(0, -2), size], dtype: "f32" } };
};
