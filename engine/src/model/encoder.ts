// What becomes of a tick's frames: `Tokenizer.encode` and `looks` of training/tokenizer.py.
import { cameraOf, type WorldManifest } from "../world/schema.js";
import { map, read, residual } from "./pictures.js";
import { Recorder, type Weights } from "./recorder.js";

/** Input: `frames` `[B, s, H, W, 3]` u8. Outputs: `z` `[B, L, C]`; `state` `[B, Q]`, what is read from the last frame, normalised. */
export function encodePlan(manifest: WorldManifest, weights: Weights) {
  const { stride: s, tokenizer } = manifest;
  const { height: H, width: W } = cameraOf(manifest);
  const C = tokenizer.latentChannels;
  const on = new Recorder("encode", weights);
  const frames = on.input("frames", ["B", s, H, W, 3], "u8");
  let x = on.subtract(on.fromPixels(frames), map(on, "picture", s));
  x = on.conv([on.shuffleDown(x)], "encoder.stem", { plus: [map(on, "encode2")] });
  for (const [from, to] of [
    ["res2", "down2"],
    ["res4", "down4"],
    ["res8", "down8"],
  ] as const) {
    x = on.conv([on.shuffleDown(residual(on, x, `encoder.${from}`))], `encoder.${to}`);
  }
  x = on.conv([residual(on, x, "encoder.res16")], "encoder.head");
  on.output("z", on.rms(on.view(x, "B", (H / 16) * (W / 16), C), C));
  on.output("state", read(on, tokenizer, "reader", on.fromPixels(on.slice(frames, 1, s - 1, s))));
  return on.plan();
}

/** Input: `frame` `[B, H, W, 3]` u8, a stream's first. Output: its `appearance` `[B, K]`. */
export function appearancePlan(manifest: WorldManifest, weights: Weights) {
  const { height, width } = cameraOf(manifest);
  const on = new Recorder("appearance", weights);
  const frame = on.view(on.input("frame", ["B", height, width, 3], "u8"), "B", 1, height, width, 3);
  on.output("appearance", read(on, manifest.tokenizer, "appearance", on.fromPixels(frame)));
  return on.plan();
}
