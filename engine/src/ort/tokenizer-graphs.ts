// The encoder and the decoder of training/tokenizer.py as ONNX graphs.
//
// Shapes: s stride, H W pixels, L tokens a tick, C latent channels, n = H / 16, T ticks.
import type { World } from "../world.js";
import { Graph, type Value } from "./graph.js";
import { Layers } from "./layers.js";

type TokenizerWorld = Pick<World, "manifest" | "tokenizer">;

/** Input: `frames` `[s, H, W, 3]` uint8. Output: `z` `[L, C]`. */
export function encoderGraph({ manifest, tokenizer: weights }: TokenizerWorld): Uint8Array {
  const { stride: s, frame, tokenizer } = manifest;
  const { height: H, width: W } = frame;
  const [C, L] = [tokenizer.latentChannels, (H / 16) * (W / 16)];
  const graph = new Graph("encoder");
  const layers = new Layers(graph, weights);
  const bytes = graph.add("Cast", [graph.input("frames", "uint8", [s, H, W, 3])], { to: 1 });
  const planes = graph.add("Transpose", [bytes], { perm: [0, 3, 1, 2] });
  const scaled = graph.add("Div", [planes, layers.constant({ data: Float32Array.of(127.5), shape: [1] })]);
  const picture = layers.weight("maps.picture");
  const zero = { data: picture.data.map((x) => x + 1), shape: picture.shape }; // what a pixel is compared with
  const seen = graph.reshape(graph.add("Sub", [scaled, layers.constant(zero)]), 1, 3 * s, H, W);
  // pixel_unshuffle puts the four pixels of a channel side by side, SpaceToDepth all channels of a pixel.
  const down = (x: Value, name: string, channels: number): Value => {
    const packed = graph.add("SpaceToDepth", [x], { blocksize: 2 });
    return layers.conv(packed, `encoder.${name}`, (i) => (i % channels) * 4 + Math.floor(i / channels));
  };
  const [a, b, c] = tokenizer.widths;
  let x = down(seen, "stem", 3 * s);
  x = graph.add("Add", [x, layers.constant(layers.weight("maps.encode2"))]);
  x = down(layers.residual(x, "encoder.res2"), "down2", a);
  x = down(layers.residual(x, "encoder.res4"), "down4", b);
  x = down(layers.residual(x, "encoder.res8"), "down8", c);
  x = layers.conv(layers.residual(x, "encoder.res16"), "encoder.head");
  const tokens = graph.add("Transpose", [graph.reshape(x, C, L)], { perm: [1, 0] });
  graph.output("z", layers.rms(tokens, C), "float32", [L, C]);
  return graph.build();
}

/**
 * Inputs: `z` `[T, L, C]`; `memory8`, `memory4`: what the memory blocks saw at the tick before, `[1, widths[2], H / 8,
 * W / 8]` and `[1, widths[1], H / 4, W / 4]`, zeros before the first tick.
 * Outputs: `frames` `[T s, H, W, 3]` uint8, rounded half to even; `pixels` `[T, 3 s, H, W]`, the same about [-1, 1];
 * `next8`, `next4`: the memory after the last tick.
 */
export function decoderGraph({ manifest, tokenizer: weights }: TokenizerWorld, T = 1): Uint8Array {
  const { stride: s, frame, tokenizer } = manifest;
  const { height: H, width: W } = frame;
  const [C, n] = [tokenizer.latentChannels, H / 16];
  const [, b, c] = tokenizer.widths;
  const graph = new Graph("decoder");
  const layers = new Layers(graph, weights);
  const map = (x: Value, name: string): Value => graph.add("Add", [x, layers.constant(layers.weight(`maps.${name}`))]);
  const shuffle = (x: Value): Value => graph.add("DepthToSpace", [x], { blocksize: 2, mode: "CRD" });
  const remember = (x: Value, name: string, scale: number, channels: number): Value => {
    const shape = [1, channels, H / scale, W / scale];
    const before = graph.input(`memory${scale}`, "float32", shape);
    if (T === 1) {
      graph.output(`next${scale}`, x, "float32", shape);
      return layers.residual(x, name, before);
    }
    const [all, last] = graph.split("Split", [x, graph.integers(T - 1, 1)], 2, { axis: 0 }) as [Value, Value];
    graph.output(`next${scale}`, last, "float32", shape);
    return layers.residual(x, name, graph.add("Concat", [before, all], { axis: 0 }));
  };
  const planes = graph.add("Transpose", [graph.input("z", "float32", [T, n * n, C])], { perm: [0, 2, 1] });
  let x = map(layers.conv(graph.reshape(planes, T, C, n, n), "decoder.stem"), "decode16");
  x = map(shuffle(layers.conv(layers.residual(x, "decoder.res16"), "decoder.up16")), "decode8");
  x = layers.residual(remember(x, "decoder.memory8", 8, c), "decoder.res8");
  x = map(shuffle(layers.conv(x, "decoder.up8")), "decode4");
  x = layers.residual(remember(x, "decoder.memory4", 4, b), "decoder.res4");
  x = map(shuffle(layers.conv(x, "decoder.up4")), "decode2");
  x = shuffle(layers.conv(layers.residual(x, "decoder.res2"), "decoder.head"));
  const picture = layers.weight("maps.picture").data;
  const repeated = Float32Array.from({ length: s * picture.length }, (_, i) => picture[i % picture.length] as number);
  const pixels = graph.add("Add", [x, layers.constant({ data: repeated, shape: [3 * s, H, W] })]);
  graph.output("pixels", pixels, "float32", [T, 3 * s, H, W]);
  const scalar = (value: number): Value => layers.constant({ data: Float32Array.of(value), shape: [] });
  const bytes = graph.add("Mul", [graph.add("Add", [pixels, scalar(1)]), scalar(127.5)]);
  const whole = graph.add("Clip", [graph.add("Round", [bytes]), scalar(0), scalar(255)]);
  const split = graph.reshape(graph.add("Cast", [whole], { to: 2 }), T * s, 3, H, W);
  graph.output("frames", graph.add("Transpose", [split], { perm: [0, 2, 3, 1] }), "uint8", [T * s, H, W, 3]);
  return graph.build();
}
