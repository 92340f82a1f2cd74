import type { Op, Rule } from "../../op.js";
import { demand, lastOf, type Tensor } from "../../tensor.js";

/** s pictures after one another -> one, their channels side by side: `[B, s, h, w, c]` -> `[B, h, w, s c]`. */
export interface Stack extends Op<"stack"> {
  readonly in: { readonly x: Tensor };
  readonly out: { readonly y: Tensor };
  readonly weights: Record<never, string>;
  readonly attributes: Record<never, never>;
}

export const stack: Rule<Stack> = ({ in: { x } }) => {
  const [batch = 0, s, height = 0, width = 0] = x.shape;
  demand(x.shape.length === 5 && typeof s === "number", "pictures after one another", x.shape);
  return { y: { shape: [batch, height, width, (s as number) * lastOf(x.shape)], dtype: x.dtype } };
};
