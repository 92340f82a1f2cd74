import type { Op, Rule } from "../../op.js";
import { broadcast, demand, lastOf, type Tensor, withLast } from "../../tensor.js";
import type { Activation } from "../activation.js";

/**
 * y = onto + activation(x weight^T + bias + plus). x: parts of the last axis, side by side, `[.., n_i]`; weight `[m, n]`, n the
 * sum of all n_i; bias `[m]`; plus and onto `[.., m]`. Of all that is read a size of 1 before the last goes with any. y `[.., m]`.
 */
export interface Linear extends Op<"linear"> {
  readonly in: { readonly x: readonly Tensor[]; readonly plus: readonly Tensor[]; readonly onto: readonly Tensor[] };
  readonly out: { readonly y: Tensor };
  readonly weights: { readonly weight: string; readonly bias: readonly string[] };
  readonly attributes: { readonly activation: Activation };
}

export const linear: Rule<Linear> = ({ in: { x, plus, onto }, weights }, weightShape) => {
  const [to = 0, from] = weightShape(weights.weight);
  const size = x.reduce((sum, { shape }) => sum + lastOf(shape), 0);
  demand(size === from, `${weights.weight} takes ${from}`, ...x.map(({ shape }) => shape));
  for (const name of weights.bias) demand(String(weightShape(name)) === String([to]), name, weightShape(name));
  const added = [...plus, ...onto].map(({ shape }) => shape);
  for (const shape of added) demand(lastOf(shape) === to, `what is added to ${weights.weight}`, shape);
  const whole = [...x.map(({ shape }) => withLast(shape, to)), ...added];
  return { y: { shape: broadcast(weights.weight, ...whole), dtype: "f32" } };
};
