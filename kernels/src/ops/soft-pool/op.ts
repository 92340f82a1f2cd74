import type { Op, Rule } from "../../op.js";
import { demand, isSame, lastOf, type Tensor } from "../../tensor.js";

/**
 * What each of M maps sees of P places in a square: the mean, by the map's softmax over the places, of what is there and of where that is,
 * each coordinate from -1 to 1 (spatial soft-argmax: Levine et al., 2016, arXiv 1504.00702). x `[.., P, F]`, maps `[.., P, M]` ->
 * `[.., M (F + 2)]`; of the two coordinates the row is the first, if `rowFirst`.
 */
export interface SoftPool extends Op<"softPool"> {
  readonly in: { readonly x: Tensor; readonly maps: Tensor };
  readonly out: { readonly y: Tensor };
  readonly weights: Record<never, string>;
  readonly attributes: { readonly rowFirst: boolean };
}

export const softPool: Rule<SoftPool> = ({ in: { x, maps } }) => {
  demand(isSame(x.shape.slice(0, -1), maps.shape.slice(0, -1)), "maps of places", x.shape, maps.shape);
  return { y: { shape: [...x.shape.slice(0, -2), lastOf(maps.shape) * (lastOf(x.shape) + 2)], dtype: "f32" } };
};
