import type { Op, Rule } from "../../op.js";
import { demand, lastOf, type Tensor } from "../../tensor.js";

/**
 * Of several experts the one that `expert` `[1]` i32 says: down(gelu(up(x))). x and y `[.., W]`; ups `[H, W]`, downs `[W, H]`, with their
 * biases `[H]` and `[W]`. One for all that is read: what is to go through another is another run's.
 */
export interface FeedForward extends Op<"feedForward"> {
  readonly in: { readonly x: Tensor; readonly expert: Tensor };
  readonly out: { readonly y: Tensor };
  readonly weights: {
    readonly up: readonly string[];
    readonly upBias: readonly string[];
    readonly down: readonly string[];
    readonly downBias: readonly string[];
  };
  readonly attributes: Record<never, never>;
}

export const feedForward: Rule<FeedForward> = ({ in: { x }, weights }, weightShape) => {
  for (const [e, up] of weights.up.entries()) {
    const [hidden, width] = weightShape(up);
    demand(width === lastOf(x.shape), up, x.shape);
    demand(String(weightShape(weights.down[e] ?? "")) === String([width, hidden]), `the other half of ${up}`, x.shape);
  }
  return { y: { shape: x.shape, dtype: "f32" } };
};
