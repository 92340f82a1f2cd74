import type { Op, Rule } from "../../op.js";
import { demand, lastOf, type Tensor, withLast } from "../../tensor.js";

/**
 * What a memory, a matrix a head from keys to values, `[B, N, D, D]`, shows each token: the query of unit length times it, with an RMS of
 * 1, times silu(gate). x `[B, T, L, 4 N D]`: query, key, value, gate. y `[B, T, L, N D]`. `Memory.shown` of blocks.py.
 */
export interface DeltaRead extends Op<"deltaRead"> {
  readonly in: { readonly x: Tensor; readonly state: Tensor };
  readonly out: { readonly y: Tensor };
  readonly weights: Record<never, string>;
  readonly attributes: { readonly heads: number };
}

export const deltaRead: Rule<DeltaRead> = ({ in: { x, state }, attributes: { heads } }) => {
  const width = lastOf(x.shape) / 4;
  demand(state.shape.length === 4 && lastOf(state.shape) * heads === width, "a memory", x.shape, state.shape);
  return { y: { shape: withLast(x.shape, width), dtype: "f32" } };
};
