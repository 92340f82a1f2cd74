import type { Op, Rule } from "../../op.js";
import { demand, isSame, lastOf, type Tensor, withLast } from "../../tensor.js";

/** a, b `[.., Q]` -> `steps` equal steps from a to b, the last at b: `[.., steps, Q]`. */
export interface Between extends Op<"between"> {
  readonly in: { readonly a: Tensor; readonly b: Tensor };
  readonly out: { readonly y: Tensor };
  readonly weights: Record<never, string>;
  readonly attributes: { readonly steps: number };
}

export const between: Rule<Between> = ({ in: { a, b }, attributes: { steps } }) => {
  demand(isSame(a.shape, b.shape), "the ends of a way", a.shape, b.shape);
  return { y: { shape: [...withLast(a.shape, steps), lastOf(a.shape)], dtype: "f32" } };
};
