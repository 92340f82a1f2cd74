import type { Op, Rule } from "../../op.js";
import type { Tensor } from "../../tensor.js";

/** x `[.., L, F]` -> its mean over L, `[.., F]`. */
export interface Mean extends Op<"mean"> {
  readonly in: { readonly x: Tensor };
  readonly out: { readonly y: Tensor };
  readonly weights: Record<never, string>;
  readonly attributes: Record<never, never>;
}

export const mean: Rule<Mean> = ({ in: { x } }) => ({
  y: { shape: [...x.shape.slice(0, -2), ...x.shape.slice(-1)], dtype: "f32" },
});
