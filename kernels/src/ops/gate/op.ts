import type { Op, Rule } from "../../op.js";
import { demand, isSame, lastOf, type Tensor } from "../../tensor.js";

/** y = x + branch times part `at` of `modulation` `[.., n W]`; x and branch `[.., L, W]`. */
export interface Gate extends Op<"gate"> {
  readonly in: { readonly x: Tensor; readonly branch: Tensor; readonly modulation: Tensor };
  readonly out: { readonly y: Tensor };
  readonly weights: Record<never, string>;
  readonly attributes: { readonly at: number };
}

export const gate: Rule<Gate> = ({ in: { x, branch, modulation } }) => {
  demand(isSame(x.shape, branch.shape), "a branch", x.shape, branch.shape);
  demand(lastOf(modulation.shape) % lastOf(x.shape) === 0, "parts of a modulation", x.shape, modulation.shape);
  return { y: { shape: x.shape, dtype: "f32" } };
};
