import type { Op, Rule } from "../../op.js";
import { demand, type Tensor } from "../../tensor.js";

/** s frames of bytes, `[B, s, h, w, 3]` u8 -> one picture about [-1, 1], the frames' colours side by side: `[B, h, w, s 3]`. */
export interface FromPixels extends Op<"fromPixels"> {
  readonly in: { readonly x: Tensor };
  readonly out: { readonly y: Tensor };
  readonly weights: Record<never, string>;
  readonly attributes: Record<never, never>;
}

export const fromPixels: Rule<FromPixels> = ({ in: { x } }) => {
  const [batch = 0, s, height = 0, width = 0, colours] = x.shape;
  demand(x.dtype === "u8" && x.shape.length === 5 && typeof s === "number" && colours === 3, "frames", x.shape);
  return { y: { shape: [batch, height, width, (s as number) * 3], dtype: "f32" } };
};
