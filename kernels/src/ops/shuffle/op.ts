import type { Op, Rule } from "../../op.js";
import { demand, lastOf, type Tensor } from "../../tensor.js";

/**
 * The four pixels of a place into its channels, `[.., h, w, c]` -> `[.., h / 2, w / 2, 4 c]`, or, `up`, back: channel 4 c + 2 y + x has the
 * pixel at (y, x) (PyTorch's pixel_unshuffle and pixel_shuffle).
 */
export interface Shuffle extends Op<"shuffle"> {
  readonly in: { readonly x: Tensor };
  readonly out: { readonly y: Tensor };
  readonly weights: Record<never, string>;
  readonly attributes: { readonly up: boolean };
}

export const shuffle: Rule<Shuffle> = ({ in: { x }, attributes: { up } }) => {
  const [h, w] = x.shape.slice(-3, -1);
  const channels = lastOf(x.shape);
  demand(typeof h === "number" && typeof w === "number", "a picture", x.shape);
  const [height, width] = [h as number, w as number];
  demand(up ? channels % 4 === 0 : height % 2 === 0 && width % 2 === 0, "pixels by four", x.shape);
  const shape = up ? [2 * height, 2 * width, channels / 4] : [height / 2, width / 2, 4 * channels];
  return { y: { shape: [...x.shape.slice(0, -3), ...shape], dtype: "f32" } };
};
