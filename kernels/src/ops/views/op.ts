import type { Op, Rule } from "../../op.js";
import { demand, lastOf, type Tensor, withLast } from "../../tensor.js";

/**
 * x `[.., Q]` -> the same numbers in each of N orders, `[.., N, Q]`. `units` `[2, Q]`, where there are any: x times the first row, and
 * plus the second unless x is a difference.
 */
export interface Views extends Op<"views"> {
  readonly in: { readonly x: Tensor };
  readonly out: { readonly y: Tensor };
  readonly weights: { readonly units: readonly string[] };
  readonly attributes: { readonly orders: readonly (readonly number[])[]; readonly isDifference: boolean };
}

export const views: Rule<Views> = ({ in: { x }, attributes: { orders } }) => {
  const size = lastOf(x.shape);
  demand(
    orders.every((order) => order.length === size),
    "orders of all numbers",
    x.shape,
  );
  return { y: { shape: [...withLast(x.shape, orders.length), size], dtype: "f32" } };
};
