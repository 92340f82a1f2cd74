import type { Op, Rule } from "../../op.js";
import { demand, lastOf, type Tensor } from "../../tensor.js";

/** x `[.., n]`, each of the `parts` of its last axis, sizes that sum up to n, with an RMS of 1 (epsilon 1e-6). */
export interface Rms extends Op<"rms"> {
  readonly in: { readonly x: Tensor };
  readonly out: { readonly y: Tensor };
  readonly weights: Record<never, string>;
  readonly attributes: { readonly parts: readonly number[] };
}

export const rms: Rule<Rms> = ({ in: { x }, attributes: { parts } }) => {
  demand(parts.reduce((sum, part) => sum + part, 0) === lastOf(x.shape), `parts of ${parts.join(" + ")}`, x.shape);
  return { y: { shape: x.shape, dtype: "f32" } };
};
