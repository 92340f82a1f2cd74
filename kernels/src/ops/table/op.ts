import type { Op, Rule } from "../../op.js";
import { demand, type Shape, sizeOf, type Tensor } from "../../tensor.js";

/** The weight `table` as a tensor `[1, ..]`, or, `byTick`, the first T of its rows: `[1, T, ..]`. `shape`: that of a row, or of all of it. */
export interface Table extends Op<"table"> {
  readonly in: Record<never, Tensor>;
  readonly out: { readonly y: Tensor };
  readonly weights: { readonly table: string };
  readonly attributes: { readonly shape: readonly number[]; readonly byTick: boolean };
}

export const table: Rule<Table> = ({ weights, attributes: { shape, byTick } }, weightShape) => {
  const { count } = sizeOf(weightShape(weights.table));
  demand(byTick ? count % sizeOf(shape).count === 0 : count === sizeOf(shape).count, weights.table, shape);
  const made: Shape = byTick ? [1, "T", ...shape] : [1, ...shape];
  return { y: { shape: made, dtype: "f32" } };
};
