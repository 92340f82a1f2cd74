// The encoder and the decoder of training/tokenizer.py as ONNX graphs, and what sees the appearance of a stream.
//
// Shapes: s stride, H W pixels, L tokens a tick, C latent channels, n = H / 16, T ticks, Q numbers of a state,
// K of an appearance.
import type { World } from "../world.js";
import { cameraOf, strideOf, type WorldManifest } from "../world-schema.js";
import { stateSize } from "../world-tensors.js";
import { Graph, type Value } from "./graph.js";
import { Layers } from "./layers.js";
import { rendered } from "./renderer-graph.js";

type TokenizerWorld = Pick<World, "manifest" | "tokenizer">;

/** Input: `frames` `[s, H, W, 3]` uint8. Outputs: `z` `[L, C]`, and `state` `[1, Q]`, of the last frame. */
export function encoderGraph({ manifest, tokenizer: weights }: TokenizerWorld): Uint8Array {
  const { stride: s, tokenizer } = manifest;
  const { height: H, width: W } = cameraOf(manifest);
  const [C, L] = [tokenizer.latentChannels, (H / 16) * (W / 16)];
  const graph = new Graph("encoder");
  const layers = new Layers(graph, weights);
  const frames = planes(layers, graph.input("frames", "uint8", [s, H, W, 3]));
  const seen = graph.add("Sub", [frames, layers.constant(layers.weight("maps.picture"))]);
  const down = (x: Value, name: string, channels: number): Value => {
    const packed = graph.add("SpaceToDepth", [x], { blocksize: 2 });
    return layers.conv(packed, `encoder.${name}`, { order: (i) => unshuffled(i, channels) });
  };
  const [a, b, c] = tokenizer.widths;
  let x = down(graph.reshape(seen, 1, 3 * s, H, W), "stem", 3 * s);
  x = graph.add("Add", [x, layers.constant(layers.weight("maps.encode2"))]);
  x = down(layers.residual(x, "encoder.res2"), "down2", a);
  x = down(layers.residual(x, "encoder.res4"), "down4", b);
  x = down(layers.residual(x, "encoder.res8"), "down8", c);
  x = layers.conv(layers.residual(x, "encoder.res16"), "encoder.head");
  const tokens = graph.add("Transpose", [graph.reshape(x, C, L)], { perm: [1, 0] });
  graph.output("z", layers.rms(tokens, C), "float32", [L, C]);
  const last = graph.add("Slice", [frames, ...[s - 1, s, 0].map((i) => graph.integers(i))]);
  graph.output("state", reader(layers, "reader", last, manifest), "float32", [1, stateSize(manifest)]);
  return graph.build();
}

/** Input: `frame` `[H, W, 3]` uint8, a stream's first. Output: its `appearance` `[1, K]`. */
export function appearanceGraph({ manifest, tokenizer: weights }: TokenizerWorld): Uint8Array {
  const { height: H, width: W } = cameraOf(manifest);
  const graph = new Graph("appearance");
  const layers = new Layers(graph, weights);
  const frame = graph.reshape(graph.input("frame", "uint8", [H, W, 3]), 1, H, W, 3);
  const seen = reader(layers, "appearance", planes(layers, frame), manifest);
  graph.output("appearance", seen, "float32", [1, manifest.tokenizer.appearance]);
  return graph.build();
}

// Frames [n, H, W, 3] uint8 -> [n, 3, H, W] in [-1, 1].
function planes(layers: Layers, frames: Value): Value {
  const { graph } = layers;
  const bytes = graph.add("Transpose", [graph.add("Cast", [frames], { to: 1 })], { perm: [0, 3, 1, 2] });
  const [half, one] = [127.5, 1].map((x) => layers.constant({ data: Float32Array.of(x), shape: [1] }));
  return graph.add("Sub", [graph.add("Div", [bytes, half as Value]), one as Value]);
}

// training/reader.py: the numbers that the reader of that name sees in a frame [1, 3, H, H] about [-1, 1].
function reader(layers: Layers, name: string, frame: Value, world: WorldManifest): Value {
  const { graph } = layers;
  const { near, far, maps } = world.tokenizer.reader;
  const H = cameraOf(world).height;
  const towards = (x: Value, layer: string, stride: number): Value =>
    graph.add("Relu", [layers.conv(x, `${name}.${layer}`, { stride })]);
  let x = frame;
  for (const [i, { stride }] of near.entries()) x = towards(x, `near.${i}`, stride);
  const [side, width] = [H / strideOf(near), near.at(-1)?.channels ?? 0];
  const looked = graph.reshape(layers.conv(x, `${name}.maps`), maps, side * side);
  const there = graph.add("Transpose", [graph.reshape(x, width, side * side)], { perm: [1, 0] });
  const line = (i: number) => -1 + (2 * i) / (side - 1);
  const places = Array.from({ length: side * side }, (_, i) => [line(i % side), line(Math.floor(i / side))]);
  const grid = layers.constant({ data: Float32Array.from(places.flat()), shape: [side * side, 2] });
  const weights = graph.add("Softmax", [looked], { axis: -1 });
  const seen = graph.add("MatMul", [weights, graph.add("Concat", [there, grid], { axis: 1 })]);
  for (const [i, { stride }] of far.entries()) x = towards(x, `far.${i}`, stride);
  const all = graph.reshape(x, 1, (far.at(-1)?.channels ?? 0) * (side / strideOf(far)) ** 2);
  const whole = graph.add("Relu", [layers.linear(all, `${name}.whole`)]);
  const both = graph.add("Concat", [graph.reshape(seen, 1, maps * (width + 2)), whole], { axis: 1 });
  return layers.linear(graph.add("Relu", [layers.linear(both, `${name}.features`)]), `${name}.head`);
}

// What the state renderer puts of all ticks on the decoder's maps, and on the picture, by their scale. A tick at a time: matrices
// of several rows are multiplied in another order, and a stream must show what a clip shows.
function renderings(layers: Layers, before: Value, now: Value, world: WorldManifest, T: number): Map<number, Value> {
  const { graph } = layers;
  const K = world.tokenizer.appearance;
  const appearance = K > 0 ? graph.input("appearance", "float32", [1, K]) : undefined;
  const each = new Array<number>(T).fill(1);
  const ticks = (x: Value): Value[] =>
    T === 1 ? [x] : graph.split("Split", [x, graph.integers(...each)], T, { axis: 0 });
  const [from, to] = [ticks(before), ticks(now)];
  const drawn = from.map((state, k) => rendered(layers, state, to[k] as Value, appearance, world));
  const all = T === 1 ? (drawn[0] as Value) : graph.add("Concat", drawn, { axis: 0 });
  const pooled = (k: number): Value => graph.add("AveragePool", [all], { kernel_shape: [k, k], strides: [k, k] });
  const seen = (scale: number): Value => (scale > 2 ? pooled(scale / 2) : all);
  return new Map([8, 4, 2, 1].map((scale) => [scale, layers.conv(seen(scale), `decoder.rendered${scale}`)]));
}

/**
 * Inputs: `z` `[T, L, C]`; `before`, `now` `[T, Q]`: the states before each tick and at its end; `first` `[H, W, 3]`
 * uint8: the frame that the stream began with, and where the world has one its `appearance` `[1, K]`; `memory8`,
 * `memory4`: what the memory blocks saw at the tick before, `[1, widths[2], H / 8, W / 8]` and `[1, widths[1], H / 4, W / 4]`,
 * zeros before the first tick.
 * Outputs: `frames` `[T s, H, W, 3]` uint8, rounded half to even; `pixels` `[T, 3 s, H, W]`, the same about [-1, 1];
 * `next.memory8`, `next.memory4`: the memory after the last tick.
 */
export function decoderGraph({ manifest, tokenizer: weights }: TokenizerWorld, T = 1): Uint8Array {
  const { stride: s, tokenizer } = manifest;
  const { height: H, width: W } = cameraOf(manifest);
  const [C, n] = [tokenizer.latentChannels, H / 16];
  const [, b, c] = tokenizer.widths;
  const graph = new Graph("decoder");
  const layers = new Layers(graph, weights);
  const Q = stateSize(manifest);
  const [before, now] = ["before", "now"].map((name) => graph.input(name, "float32", [T, Q])) as [Value, Value];
  const renders = renderings(layers, before, now, manifest, T);
  // What every picture has at this scale, and what the states put there.
  const map = (x: Value, scale: number): Value => {
    const still = graph.add("Add", [x, layers.constant(layers.weight(`maps.decode${scale}`))]);
    const moving = renders.get(scale);
    return moving === undefined ? still : graph.add("Add", [still, moving]);
  };
  const shuffle = (x: Value): Value => graph.add("DepthToSpace", [x], { blocksize: 2, mode: "CRD" });
  const remember = (x: Value, name: string, scale: number, channels: number): Value => {
    const shape = [1, channels, H / scale, W / scale];
    const past = graph.input(`memory${scale}`, "float32", shape);
    if (T === 1) {
      graph.output(`next.memory${scale}`, x, "float32", shape);
      return layers.residual(x, name, past);
    }
    const [all, last] = graph.split("Split", [x, graph.integers(T - 1, 1)], 2, { axis: 0 }) as [Value, Value];
    graph.output(`next.memory${scale}`, last, "float32", shape);
    return layers.residual(x, name, graph.add("Concat", [past, all], { axis: 0 }));
  };
  const channels = graph.add("Transpose", [graph.input("z", "float32", [T, n * n, C])], { perm: [0, 2, 1] });
  let x = map(layers.conv(graph.reshape(channels, T, C, n, n), "decoder.stem"), 16);
  x = map(shuffle(layers.conv(layers.residual(x, "decoder.res16"), "decoder.up16")), 8);
  x = layers.residual(remember(x, "decoder.memory8", 8, c), "decoder.res8");
  x = map(shuffle(layers.conv(x, "decoder.up8")), 4);
  x = layers.residual(remember(x, "decoder.memory4", 4, b), "decoder.res4");
  x = map(shuffle(layers.conv(x, "decoder.up4")), 2);
  x = layers.residual(x, "decoder.res2");
  const packed = graph.add("Add", [layers.conv(x, "decoder.head"), renders.get(1) as Value]);
  const picture = layers.weight("maps.picture").data;
  const repeated = Float32Array.from({ length: s * picture.length }, (_, i) => picture[i % picture.length] as number);
  const made = graph.add("Add", [shuffle(packed), layers.constant({ data: repeated, shape: [3 * s, H, W] })]);
  const pixels = keep(layers, made, x, manifest, T);
  graph.output("pixels", pixels, "float32", [T, 3 * s, H, W]);
  const scalar = (value: number): Value => layers.constant({ data: Float32Array.of(value), shape: [] });
  const bytes = graph.add("Mul", [graph.add("Add", [pixels, scalar(1)]), scalar(127.5)]);
  const whole = graph.add("Clip", [graph.add("Round", [bytes]), scalar(0), scalar(255)]);
  const split = graph.reshape(graph.add("Cast", [whole], { to: 2 }), T * s, 3, H, W);
  graph.output("frames", graph.add("Transpose", [split], { perm: [0, 2, 3, 1] }), "uint8", [T * s, H, W, 3]);
  return graph.build();
}

// The pictures [T, 3 s, H, W] with the stream's first where that is still to be seen, by the maps [T, a, H / 2, W / 2].
function keep(layers: Layers, made: Value, maps: Value, world: WorldManifest, T: number): Value {
  const { graph } = layers;
  const { stride: s, tokenizer } = world;
  const { height: H, width: W } = cameraOf(world);
  const a = tokenizer.widths[0];
  const first = planes(layers, graph.reshape(graph.input("first", "uint8", [H, W, 3]), 1, H, W, 3));
  const off = graph.add("Sub", [graph.add("Concat", new Array<Value>(s).fill(first), { axis: 1 }), made]);
  const packed = graph.add("SpaceToDepth", [graph.add("Abs", [off])], { blocksize: 2 });
  const seen = graph.add("Concat", [maps, packed], { axis: 1 });
  const order = (i: number): number => (i < a ? i : a + unshuffled(i - a, 3 * s));
  const hidden = graph.add("Relu", [layers.conv(seen, "decoder.kept1", { order })]);
  const logits = graph.add("DepthToSpace", [layers.conv(hidden, "decoder.kept2")], { blocksize: 2, mode: "CRD" });
  const kept = graph.reshape(graph.add("Sigmoid", [logits]), T, s, 1, H, W);
  const change = graph.add("Mul", [graph.reshape(off, T, s, 3, H, W), kept]);
  return graph.add("Add", [made, graph.reshape(change, T, 3 * s, H, W)]);
}

// The channel of a pixel_unshuffle that is channel `i` of a SpaceToDepth, of so many before: the former puts the four pixels
// of a channel side by side, the latter all channels of a pixel.
function unshuffled(i: number, channels: number): number {
  return (i % channels) * 4 + Math.floor(i / channels);
}
