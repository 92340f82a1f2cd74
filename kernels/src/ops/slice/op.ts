import type { Op, Rule } from "../../op.js";
import { demand, type Tensor } from "../../tensor.js";

/** Of the axis `axis` of x, numbers `from` to `to`, not counting the last. */
export interface Slice extends Op<"slice"> {
  readonly in: { readonly x: Tensor };
  readonly out: { readonly y: Tensor };
  readonly weights: Record<never, string>;
  readonly attributes: { readonly axis: number; readonly from: number; readonly to: number };
}

export const slice: Rule<Slice> = ({ in: { x }, attributes: { axis, from, to } }) => {
  const size = x.shape[axis];
  demand(typeof size === "number" && from >= 0 && from < to && to <= size, `${from} to ${to} of axis ${axis}`, x.shape);
  return { y: { shape: x.shape.map((dim, i) => (i === axis ? to - from : dim)), dtype: x.dtype } };
};
