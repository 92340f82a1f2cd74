import type { Op, Rule } from "../../op.js";
import { lastOf, type Tensor, withLast } from "../../tensor.js";

/** Levels in [0, 1], `[.., n]` -> of each `size / 2` sines and as many cosines, of 1 to `radians` radians at 1: `[.., n size]`. */
export interface Sinusoid extends Op<"sinusoid"> {
  readonly in: { readonly levels: Tensor };
  readonly out: { readonly y: Tensor };
  readonly weights: Record<never, string>;
  readonly attributes: { readonly size: number; readonly radians: number };
}

export const sinusoid: Rule<Sinusoid> = ({ in: { levels }, attributes: { size } }) => ({
  y: { shape: withLast(levels.shape, lastOf(levels.shape) * size), dtype: "f32" },
});
