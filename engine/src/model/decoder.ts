// What a latent and a state look like: `Tokenizer.decode` of training/tokenizer.py.
import type { Tensor } from "@worldstep/kernels";
import { cameraOf, type WorldManifest } from "../world/schema.js";
import { stateSize } from "../world/tensors.js";
import { map, residual } from "./pictures.js";
import { Recorder, type Weights } from "./recorder.js";
import { render } from "./state-renderer.js";

/**
 * Inputs: `z` `[B, L, C]`; `before` and `now` `[B, Q]`, the states before the tick and at its end; `first` `[B, H, W, 3]` u8, the frame that
 * the stream began with, and where the world has one its `appearance` `[B, K]`; carries `memory8` and `memory4`, what the memory blocks saw
 * at the tick before, zeros before the first. Output: `frames` `[B, s, H, W, 3]` u8.
 */
export function decodePlan(manifest: WorldManifest, weights: Weights) {
  const { stride: s, tokenizer } = manifest;
  const { height: H, width: W } = cameraOf(manifest);
  const [, b, c] = tokenizer.widths;
  const [Q, n] = [stateSize(manifest), H / 16];
  const on = new Recorder("decode", weights);
  const z = on.input("z", ["B", n * n, tokenizer.latentChannels]);
  const [before, now] = [on.input("before", ["B", Q]), on.input("now", ["B", Q])];
  const appearance = tokenizer.appearance > 0 ? on.input("appearance", ["B", tokenizer.appearance]) : undefined;
  const drawn = render(on, manifest, before, now, appearance);
  /** What every picture has at this scale, and what the states put there. */
  const placed = (x: Tensor, scale: number) => on.add([x, map(on, `decode${scale}`), seen(scale)]);
  const seen = (scale: number) => on.conv([scale > 2 ? on.pool(drawn, scale / 2) : drawn], `decoder.rendered${scale}`);
  const remembered = (x: Tensor, scale: number, channels: number) => {
    const name = `memory${scale}`;
    const past = on.input(name, ["B", H / scale, W / scale, channels]);
    on.carry(name, x);
    return residual(on, x, `decoder.${name}`, [past]);
  };
  const up = (x: Tensor, name: string) => on.shuffleUp(on.conv([x], `decoder.${name}`));
  let x = on.conv([on.view(z, "B", n, n, tokenizer.latentChannels)], "decoder.stem", { plus: [map(on, "decode16")] });
  x = placed(up(residual(on, x, "decoder.res16"), "up16"), 8);
  x = placed(up(residual(on, remembered(x, 8, c), "decoder.res8"), "up8"), 4);
  x = placed(up(residual(on, remembered(x, 4, b), "decoder.res4"), "up4"), 2);
  x = residual(on, x, "decoder.res2");
  const made = on.add([on.shuffleUp(on.conv([x], "decoder.head", { plus: [seen(1)] })), map(on, "picture", s)]);
  on.output("frames", on.toPixels(kept(on, made, x, manifest)));
  return on.plan();
}

// The pictures [B, H, W, 3 s] with the stream's first where that is still to be seen, by the maps x [B, H / 2, W / 2, a].
function kept(on: Recorder, made: Tensor, x: Tensor, manifest: WorldManifest): Tensor {
  const { height, width } = cameraOf(manifest);
  const first = on.view(on.input("first", ["B", height, width, 3], "u8"), "B", 1, height, width, 3);
  const begun = on.fromPixels(first);
  const seen = [x, on.shuffleDown(on.apart(made, begun))];
  const hidden = on.conv(seen, "decoder.kept1", { activation: "relu" });
  return on.blend(made, begun, on.shuffleUp(on.conv([hidden], "decoder.kept2")));
}
