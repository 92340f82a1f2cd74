import type { Op, Rule } from "../../op.js";
import { broadcast, type Tensor } from "../../tensor.js";
import type { Activation } from "../activation.js";

/** y = activation(the sum of all x), of one rank; a size of 1 goes with any. */
export interface Add extends Op<"add"> {
  readonly in: { readonly x: readonly Tensor[] };
  readonly out: { readonly y: Tensor };
  readonly weights: Record<never, string>;
  readonly attributes: { readonly activation: Activation };
}

export const add: Rule<Add> = ({ in: { x } }) => ({
  y: { shape: broadcast("what is added", ...x.map(({ shape }) => shape)), dtype: "f32" },
});
