import type { Op, Rule } from "../../op.js";
import { broadcast, demand, lastOf, type Tensor } from "../../tensor.js";
import type { Activation } from "../activation.js";

/**
 * y = onto + activation(the convolution of x + plus). x: pictures, their channels side by side, `[.., h, w, c_i]`, each through relu before
 * if `rectified`; weight `[m, c, k, k]` (PyTorch's), k odd, padded with zeros; bias `[m]`; plus and onto, of y's shape, a size of 1 going
 * with any. y `[.., h / stride, w / stride, m]`.
 */
export interface Conv extends Op<"conv"> {
  readonly in: { readonly x: readonly Tensor[]; readonly plus: readonly Tensor[]; readonly onto: readonly Tensor[] };
  readonly out: { readonly y: Tensor };
  readonly weights: { readonly weight: string; readonly bias: readonly string[] };
  readonly attributes: { readonly stride: number; readonly rectified: boolean; readonly activation: Activation };
}

export const conv: Rule<Conv> = ({ in: { x, plus, onto }, weights, attributes: { stride } }, weightShape) => {
  const [to = 0, from, kernel = 0, other] = weightShape(weights.weight);
  const channels = x.reduce((sum, { shape }) => sum + lastOf(shape), 0);
  demand(
    channels === from && kernel === other && kernel % 2 === 1,
    `${weights.weight} takes ${from}`,
    ...x.map(({ shape }) => shape),
  );
  const shape = broadcast(weights.weight, ...x.map(({ shape }) => [...shape.slice(0, -1), 1]));
  const sides = shape.slice(-3, -1).map((side) => {
    demand(typeof side === "number" && side % stride === 0, `steps of ${stride}`, shape);
    return (side as number) / stride;
  });
  const made = [...shape.slice(0, -3), ...sides, to];
  return {
    y: { shape: broadcast(weights.weight, made, ...[...plus, ...onto].map(({ shape }) => shape)), dtype: "f32" },
  };
};
