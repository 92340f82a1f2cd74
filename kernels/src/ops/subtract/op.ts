import type { Op, Rule } from "../../op.js";
import { broadcast, type Tensor } from "../../tensor.js";

/** y = factor (a - b); of one rank, where a size of 1 goes with any. */
export interface Subtract extends Op<"subtract"> {
  readonly in: { readonly a: Tensor; readonly b: Tensor };
  readonly out: { readonly y: Tensor };
  readonly weights: Record<never, string>;
  readonly attributes: { readonly factor: number };
}

export const subtract: Rule<Subtract> = ({ in: { a, b } }) => ({
  y: { shape: broadcast("a difference", a.shape, b.shape), dtype: "f32" },
});
