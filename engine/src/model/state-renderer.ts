// `Sketch` of training/tokenizer.py: a coordinate network that draws what moves from the state alone.
import type { Tensor } from "@worldstep/kernels";
import type { WorldManifest } from "../world-schema.js";
import { RIPPLES, SKETCH, WAVES } from "../world-tensors.js";
import type { Recorder } from "./recorder.js";

/**
 * What the states before a tick and at its end, `[B, Q]`, and the appearance `[B, K]` of the stream, where there is one, put on the tick's
 * s frames: `[B, H / 2, W / 2, 12 s]`, the four pixels of a place in its channels.
 */
export function render(
  on: Recorder,
  { stride: s, frame }: WorldManifest,
  before: Tensor,
  now: Tensor,
  appearance: Tensor | undefined,
): Tensor {
  const { width, hidden } = SKETCH;
  const n = frame.height / 2;
  const lit = appearance && on.view(on.linear([appearance], "sketch.appearance"), "B", 1, width);
  const told = on.fourier(on.between(before, now, s), WAVES);
  let x = on.linear([told], "sketch.inp", { plus: lit ? [lit] : [], activation: "silu" });
  x = on.linear([x], "sketch.hidden", { activation: "silu" });
  const seen = on.fourier(on.lattice(on.linear([x], "sketch.points"), n), RIPPLES); // [B, s, 2, n, ..]
  const across = on.linear([on.slice(seen, 2, 0, 1)], "sketch.across"); // [B, s, 1, n, hidden]
  const down = on.view(on.linear([on.slice(seen, 2, 1, 2)], "sketch.down"), "B", s, n, 1, hidden);
  const all = on.view(on.linear([x], "sketch.told"), "B", s, 1, 1, hidden);
  const place = on.linear([on.add([across, down, all], "silu")], "sketch.place", { activation: "silu" });
  const drawn = on.conv([on.linear([place], "sketch.there")], "sketch.out"); // [B, s, n, n, 12]
  return on.stack(drawn);
}
