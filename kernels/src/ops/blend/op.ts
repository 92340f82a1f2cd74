import type { Op, Rule } from "../../op.js";
import { broadcast, demand, isSame, lastOf, type Tensor } from "../../tensor.js";

/** y = made + sigmoid(kept) (first - made): made `[.., h, w, s 3]`, the same pixel of `first` `[.., h, w, 3]` for each, kept `[.., h, w, s]`. */
export interface Blend extends Op<"blend"> {
  readonly in: { readonly made: Tensor; readonly first: Tensor; readonly kept: Tensor };
  readonly out: { readonly y: Tensor };
  readonly weights: Record<never, string>;
  readonly attributes: Record<never, never>;
}

export const blend: Rule<Blend> = ({ in: { made, first, kept } }) => {
  const places = [made, first, kept].map(({ shape }) => shape.slice(0, -1));
  demand(isSame(broadcast("pictures", ...places), made.shape.slice(0, -1)), "pictures", ...places);
  demand(
    lastOf(made.shape) === lastOf(first.shape) * lastOf(kept.shape),
    "channels",
    made.shape,
    first.shape,
    kept.shape,
  );
  return { y: { shape: made.shape, dtype: "f32" } };
};
