// `StateRenderer` of training/tokenizer.py: a coordinate network that draws what moves from the state alone.
import type { Tensor } from "@worldstep/kernels";
import { cameraOf, type WorldManifest } from "../world/schema.js";
import type { Recorder } from "./recorder.js";

/**
 * What the states before a tick and at its end, `[B, Q]`, and the appearance `[B, K]` of the stream, where there is one, put on the tick's
 * s frames: `[B, H / 2, W / 2, 12 s]`, the four pixels of a place in its channels.
 */
export function render(
  on: Recorder,
  manifest: WorldManifest,
  before: Tensor,
  now: Tensor,
  appearance: Tensor | undefined,
): Tensor {
  const { stride: s, tokenizer } = manifest;
  const { width, hidden, stateFrequencies, placeFrequencies } = tokenizer.renderer;
  const n = cameraOf(manifest).height / 2;
  const lit = appearance && on.view(on.linear([appearance], "renderer.appearance"), "B", 1, width);
  const told = on.fourier(on.between(before, now, s), stateFrequencies);
  let x = on.linear([told], "renderer.inp", { plus: lit ? [lit] : [], activation: "silu" });
  x = on.linear([x], "renderer.hidden", { activation: "silu" });
  const seen = on.fourier(on.lattice(on.linear([x], "renderer.points"), n), placeFrequencies); // [B, s, 2, n, ..]
  const across = on.linear([on.slice(seen, 2, 0, 1)], "renderer.across"); // [B, s, 1, n, hidden]
  const down = on.view(on.linear([on.slice(seen, 2, 1, 2)], "renderer.down"), "B", s, n, 1, hidden);
  const all = on.view(on.linear([x], "renderer.told"), "B", s, 1, 1, hidden);
  const place = on.linear([on.add([across, down, all], "silu")], "renderer.place", { activation: "silu" });
  const drawn = on.conv([on.linear([place], "renderer.there")], "renderer.out"); // [B, s, n, n, 12]
  return on.stack(drawn);
}
