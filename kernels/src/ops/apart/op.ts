import type { Op, Rule } from "../../op.js";
import { broadcast, demand, isSame, lastOf, type Tensor } from "../../tensor.js";

/** How far each of s pictures side by side, `made` `[.., h, w, s 3]`, is from the one picture `first` `[.., h, w, 3]`: |first - made|. */
export interface Apart extends Op<"apart"> {
  readonly in: { readonly made: Tensor; readonly first: Tensor };
  readonly out: { readonly y: Tensor };
  readonly weights: Record<never, string>;
  readonly attributes: Record<never, never>;
}

export const apart: Rule<Apart> = ({ in: { made, first } }) => {
  const places = [made, first].map(({ shape }) => shape.slice(0, -1));
  demand(isSame(broadcast("pictures", ...places), made.shape.slice(0, -1)), "pictures", ...places);
  demand(lastOf(made.shape) % lastOf(first.shape) === 0, "channels", made.shape, first.shape);
  return { y: { shape: made.shape, dtype: "f32" } };
};
