// One evaluation of training/dynamics.py's `Dynamics.tick` as an ONNX graph, without a batch dimension: for one tick, which
// is denoised and read by the same graph, or for chunks of any length, which are only denoised.
//
// Shapes: T ticks of the chunk, L tokens a tick, W width, N heads, D = W / N, K latent and R rotary numbers of a key, C latent channels, s
// stride, A action size, Q numbers of a state vector, E experts, S = L (window + 1) context tokens, in the slots of the
// window.

import type { Weight } from "../safetensors.js";
import type { World } from "../world.js";
import { controlSize, rotarySize, type StateViews, stateSize, stateViews } from "../world-tensors.js";
import { blockGraph, type ContextInputs } from "./block-graph.js";
import { levelWeights, modulationWeights, plusRow, rows } from "./dynamics-weights.js";
import { fourier } from "./fourier.js";
import { Graph, type Value } from "./graph.js";
import { Layers, type Precision } from "./layers.js";
import { TickRows } from "./tick-rows.js";

type Sizes = World["manifest"]["dynamics"];

/**
 * Inputs: `z` `[T L, C]`; `previous` `[L, C]`; `controls` `[T, s A + Q]` and `predicted` `[T, Q]`; `levels` `[3, 1]`: t, t - r and the context's;
 * `cos`, `sin` `[S, R]` (see rotary.ts) and `hidden` `[1, S]`, what is added to the scores: of each slot, the first of
 * which has the sink; `latents.i` `[S, K]` and `rotary.i` `[S, R]` of each window block i, `recurrent.i` `[N, D, D]` of each
 * memory block. T is 1 of `tick`, and of `chunk` any up to the world's.
 * Outputs: `end` `[T L, C]`: X; and of `tick` `heads` `[1, 2 tasks + Q]`; `experts` `[1, E]`: logits; what is to be kept
 * of it: `next.latents.i` `[L, K]`, `next.rotary.i` `[L, R]`, `next.recurrent.i`.
 */
export function dynamicsGraph(
  world: Pick<World, "manifest" | "dynamics">,
  precision: Precision,
  kind: "tick" | "chunk",
): Uint8Array {
  const { manifest } = world;
  const { tokens: L, width: W, blocks, window, stateFrequencies, spot } = manifest.dynamics;
  const C = manifest.tokenizer.latentChannels;
  const [S, R] = [L * (window + 1), rotarySize(manifest.dynamics)];
  const graph = new Graph("dynamics");
  const layers = new Layers(graph, world.dynamics, precision);
  const T = kind === "tick" ? 1 : "ticks";
  const Q = stateSize(manifest);
  const control = graph.input("controls", "float32", [T, controlSize(manifest)]);
  const rowsOf = new TickRows(layers, L, W, kind === "tick" ? undefined : control);
  const read = (name: string) => layers.weight(name);
  const z = graph.input("z", "float32", rowsOf.shape(C));
  const previous = graph.input("previous", "float32", [L, C]);
  const predicted = graph.input("predicted", "float32", [T, Q]);
  const features = graph.add("Concat", [control, fourier(layers, predicted, Q, stateFrequencies)], { axis: 1 });
  const cond = conditioning(rowsOf, manifest.dynamics, features, graph.input("levels", "float32", [3, 1]));
  const modulations = modulate(rowsOf, cond, manifest.dynamics);
  const logits = router(rowsOf, features, previous);
  const context: ContextInputs = {
    cos: graph.input("cos", "float32", [S, R]),
    sin: graph.input("sin", "float32", [S, R]),
    hidden: graph.input("hidden", "float32", [1, S]),
    expert: graph.add("ArgMax", [logits], { axis: 1, keepdims: 0 }),
  };

  const before = rowsOf.repeated(previous);
  const latents = graph.add("Concat", [z, before], { axis: 1 });
  const placed = layers.matmul(latents, read("inp.weight"), rowsOf.ofTokens(places(layers)));
  const spots = graph.reshape(rowsOf.vectors.linear(features, "spot_in"), -1, spot);
  const spotted = layers.matmul(spots, read("spot_out.weight"));
  let x = rowsOf.plus(graph.add("Add", [placed, spotted]), rowsOf.vectors.linear(features, "control_in"));
  for (const [i, kind] of [...blocks].entries()) {
    x = blockGraph(manifest.dynamics, rowsOf, { i, kind }, x, modulations.slice(6 * i, 6 * i + 6), context);
  }
  const [shift, scale] = modulations.slice(6 * blocks.length) as [Value, Value];
  const last = rowsOf.norm(x, shift, scale);
  graph.output("end", graph.add("Add", [before, layers.linear(last, "out")]), "float32", rowsOf.shape(C));
  if (kind === "chunk") return graph.build();
  graph.output("heads", heads(rowsOf, manifest.dynamics, last, predicted), "float32", [
    1,
    2 * (manifest.tasks.length - 1) + Q,
  ]);
  graph.output("experts", logits, "float32", [1, manifest.dynamics.experts]);
  return graph.build();
}

// Where each token is, and how far its tick is from the first, `[T L, W]` for the longest chunk; with the bias of `inp`.
function places(layers: Layers): Weight {
  const place = plusRow(layers.weight("place"), layers.weight("inp.bias"));
  const gaps = layers.weight("gap");
  const [ticks, W] = gaps.shape as [number, number];
  const size = place.data.length;
  const data = new Float32Array(ticks * size);
  for (let k = 0; k < ticks; k++) data.set(plusRow(place, rows(gaps, k, k + 1)).data, k * size);
  return { data, shape: [(ticks * size) / W, W] };
}

/** `Predictor` of training/predictor.py. Inputs: `control`, `before` `[1, s A + Q]`, a tick's and that of the tick before it. Output: `predicted` `[1, Q]`. */
export function predictorGraph({ manifest, dynamics }: Pick<World, "manifest" | "dynamics">): Uint8Array {
  const graph = new Graph("predictor");
  const layers = new Layers(graph, dynamics);
  const { change: factor, deadband } = manifest.dynamics.predictor;
  const Q = stateSize(manifest);
  const [size, actions] = [controlSize(manifest), controlSize(manifest) - Q];
  const [control, before] = ["control", "before"].map((name) => graph.input(name, "float32", [1, size])) as [
    Value,
    Value,
  ];
  const sizes = graph.integers(actions, Q);
  const [now, state] = graph.split("Split", [control, sizes], 2, { axis: 1 }) as [Value, Value];
  const [last, earlier] = graph.split("Split", [before, sizes], 2, { axis: 1 }) as [Value, Value];
  const times = layers.constant({ data: Float32Array.of(factor), shape: [1] });
  const change = graph.add("Mul", [graph.add("Sub", [state, earlier]), times]);
  const move = changeSeen(layers, stateViews(manifest), now, state, last, change);
  const moved = graph.add("Add", [state, layers.shrink(move, deadband)]);
  const [low, high] = [0, 1].map((i) => layers.constant(rows(layers.weight("predictor.range"), i, i + 1))) as [
    Value,
    Value,
  ];
  graph.output("predicted", graph.add("Min", [graph.add("Max", [moved, low]), high]), "float32", [1, Q]);
  return graph.build();
}

// `change` of training/predictor.py: what is seen from every view, [N, ..], and put together again, [1, Q].
function changeSeen(layers: Layers, from: StateViews, now: Value, state: Value, last: Value, change: Value): Value {
  const { graph } = layers;
  const { views, shared, own } = from;
  const N = views.length;
  if (N === 1) return changed(layers, [now, state, last, change]);
  const Q = views.flat().length / N;
  const [scale, shift] = [0, 1].map((i) => layers.constant(rows(layers.weight("predictor.units"), i, i + 1))) as [
    Value,
    Value,
  ];
  const pick = (x: Value, ...order: number[]) => graph.add("Gather", [x, graph.integers(...order)], { axis: 1 });
  const each = (x: Value) => graph.add("Concat", new Array<Value>(N).fill(x), { axis: 0 });
  const seen = (x: Value) => graph.reshape(pick(x, ...views.flat()), N, Q);
  const there = seen(graph.add("Add", [graph.add("Mul", [state, scale]), shift]));
  const moving = seen(graph.add("Mul", [change, scale]));
  const moves = changed(layers, [each(now), there, each(last), moving]);
  const [nobodys, things] = graph.split("Split", [moves, graph.integers(shared, own)], 2, { axis: 1 }) as [
    Value,
    Value,
  ];
  const mean = graph.add("ReduceMean", [nobodys, graph.integers(0)]);
  const moved = graph.add("Concat", [mean, graph.reshape(things, 1, N * own)], { axis: 1 });
  const places = views.flatMap((view, n) => view.slice(n === 0 ? 0 : shared, shared + own));
  const back = pick(moved, ...places.map((_, i) => places.indexOf(i)));
  return graph.add("Div", [back, scale]);
}

// `seen` of training/predictor.py.
function changed(layers: Layers, told: readonly Value[]): Value {
  const { graph } = layers;
  const known = graph.add("Concat", told, { axis: 1 });
  const features = graph.add("Sin", [layers.linear(known, "predictor.fourier")]);
  let x = layers.matmul(features, layers.weight("predictor.fourier_out.weight"), layers.linear(known, "predictor.inp"));
  x = layers.silu(x);
  for (const i of [1, 2]) x = graph.add("Add", [x, layers.silu(layers.linear(x, `predictor.hidden${i}`))]);
  return layers.linear(x, "predictor.out");
}

// `embed` of dynamics.py: silu(cond(silu(control + levels))), [T, condWidth].
function conditioning(rowsOf: TickRows, { levels: as }: Sizes, features: Value, levels: Value): Value {
  const { vectors: layers } = rowsOf;
  const { graph } = layers;
  const size = as.size / 2;
  const radians = Float32Array.from({ length: size }, (_, i) => as.radians ** (i / (size - 1)));
  const angles = graph.add("Mul", [levels, layers.constant({ data: radians, shape: [1, size] })]); // [3, size]
  const turns = graph.add("Concat", [graph.add("Sin", [angles]), graph.add("Cos", [angles])], { axis: 1 });
  const flat = graph.reshape(turns, 1, 3 * as.size);
  const level = layers.matmul(
    flat,
    levelWeights((name) => layers.weight(name)),
    layers.bias("level_t"),
  );
  const gaps = rowsOf.ofTicks(layers.weight("gap_cond"));
  const sum = graph.add("Add", [graph.add("Add", [layers.linear(features, "control_cond"), gaps]), level]);
  return layers.silu(layers.linear(layers.silu(sum), "cond"));
}

// All modulations, in the order of `modulationWeights`: `[W]` each for one tick, else `[T, 1, W]`.
function modulate({ vectors: layers, isOne }: TickRows, cond: Value, sizes: Sizes): Value[] {
  const { graph } = layers;
  const { weight, bias } = modulationWeights((name) => layers.weight(name), sizes);
  const all = layers.matmul(cond, weight, layers.constant(bias));
  const count = 6 * sizes.blocks.length + 2;
  const each = graph.integers(...new Array<number>(count).fill(sizes.width));
  if (isOne) return graph.split("Split", [graph.reshape(all, count * sizes.width), each], count, { axis: 0 });
  return graph.split("Split", [graph.reshape(all, -1, 1, count * sizes.width), each], count, { axis: 2 });
}

// `route` of dynamics.py: the experts' logits, [1, E]; a chunk goes with its first tick.
function router({ vectors: layers, isOne }: TickRows, features: Value, previous: Value): Value {
  const { graph } = layers;
  const first = isOne ? features : graph.add("Gather", [features, graph.integers(0)], { axis: 0 });
  const pooled = graph.add("ReduceMean", [previous, graph.integers(0)]);
  const both = graph.add("Concat", [first, pooled], { axis: 1 });
  return layers.linear(layers.silu(layers.linear(both, "router_in")), "router_out");
}

// `Look` of blocks.py: what is seen of tokens `x` [L, spot] where some maps look, [1, maps (spot + 2)].
function look(layers: Layers, { tokens: L, spot, readout }: Sizes, x: Value): Value {
  const { graph } = layers;
  const side = Math.sqrt(L);
  const line = (i: number) => (side === 1 ? -1 : -1 + (2 * i) / (side - 1));
  const places = Array.from({ length: L }, (_, i) => [line(Math.floor(i / side)), line(i % side)]);
  const grid = layers.constant({ data: Float32Array.from(places.flat()), shape: [L, 2] });
  const maps = graph.add("Transpose", [layers.linear(x, "look.map")], { perm: [1, 0] });
  const weights = graph.add("Softmax", [maps], { axis: -1 });
  const seen = graph.add("MatMul", [weights, graph.add("Concat", [x, grid], { axis: 1 })]);
  return graph.reshape(seen, 1, readout.maps * (spot + 2));
}

// `Scores` of training/predictor.py: rewards, and logits of success, [1, 2 tasks].
function scored(layers: Layers, state: Value): Value {
  const { graph } = layers;
  let x = layers.silu(layers.linear(state, "scores.inp"));
  for (const i of [1, 2]) x = graph.add("Add", [x, layers.silu(layers.linear(x, `scores.hidden${i}`))]);
  return layers.linear(x, "scores.out");
}

// `read_heads` of dynamics.py: rewards and success logits, then the state, [1, 2 tasks + Q].
function heads({ layers, vectors }: TickRows, sizes: Sizes, x: Value, predicted: Value): Value {
  const { graph } = layers;
  const mean = graph.add("ReduceMean", [x, graph.integers(0)]);
  const seen = look(layers, sizes, layers.linear(x, "spot"));
  const y = layers.silu(vectors.linear(graph.add("Concat", [mean, seen], { axis: 1 }), "heads_in"));
  const state = graph.add("Add", [predicted, layers.shrink(vectors.linear(y, "state_out"), sizes.readout.deadband)]);
  const more = layers.silu(vectors.linear(graph.add("Concat", [y, state], { axis: 1 }), "scores_in"));
  const scores = graph.add("Add", [scored(vectors, state), vectors.linear(more, "scores_out")]);
  return graph.add("Concat", [scores, state], { axis: 1 });
}
