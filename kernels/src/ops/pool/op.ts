import type { Op, Rule } from "../../op.js";
import { demand, lastOf, type Tensor } from "../../tensor.js";

/** Pictures `[.., h, w, c]` -> the means of squares of `size` pixels, `[.., h / size, w / size, c]`. */
export interface Pool extends Op<"pool"> {
  readonly in: { readonly x: Tensor };
  readonly out: { readonly y: Tensor };
  readonly weights: Record<never, string>;
  readonly attributes: { readonly size: number };
}

export const pool: Rule<Pool> = ({ in: { x }, attributes: { size } }) => {
  const sides = x.shape.slice(-3, -1).map((side) => {
    demand(typeof side === "number" && side % size === 0, `squares of ${size}`, x.shape);
    return (side as number) / size;
  });
  return { y: { shape: [...x.shape.slice(0, -3), ...sides, lastOf(x.shape)], dtype: "f32" } };
};
