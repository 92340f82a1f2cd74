import type { Op, Rule } from "../../op.js";
import { demand, lastOf, type Tensor } from "../../tensor.js";

/** The other way of `fromPixels`: `[B, h, w, s 3]` -> `[B, s, h, w, 3]` u8, rounded half to even, and kept in [0, 255]. */
export interface ToPixels extends Op<"toPixels"> {
  readonly in: { readonly x: Tensor };
  readonly out: { readonly y: Tensor };
  readonly weights: Record<never, string>;
  readonly attributes: Record<never, never>;
}

export const toPixels: Rule<ToPixels> = ({ in: { x } }) => {
  const [batch = 0, height = 0, width = 0] = x.shape;
  demand(x.shape.length === 4 && lastOf(x.shape) % 3 === 0, "a picture", x.shape);
  return { y: { shape: [batch, lastOf(x.shape) / 3, height, width, 3], dtype: "u8" } };
};
