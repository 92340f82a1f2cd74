// One evaluation of training/dynamics.py's `Dynamics.tick` as an ONNX graph: the same graph for the denoising steps and
// for the clean pass. It works on one tick, without a batch dimension.
//
// Shapes: L tokens a tick, W width, N heads, D = W / N, C latent channels, s stride, A action size, P proprioception,
// S = L (window + 1) context tokens, in the slots of the memory.
import type { World } from "../world.js";
import { controlSize, LEVEL_SIZE, SPOT, WAVES } from "../world-tensors.js";
import { ageTable, dividedBy, levelWeights, modulationWeights, ownBias, plusRow } from "./dynamics-weights.js";
import { Graph, type Value } from "./graph.js";
import { Layers, type Precision } from "./layers.js";

interface KeyValue {
  readonly key: Value;
  readonly value: Value;
}

/**
 * Inputs: `z`, `previous` `[L, C]`; `control` `[1, s A + P]`; `levels` `[3, 1]`: t, t - r and the context's; `index` `[S]`
 * int64: each slot's column of the age bias, window + 2 hides it; `key.i`, `value.i` `[S, N, D]` of each layer.
 * Outputs: `end` `[L, C]`: X; `heads` `[1, 2 tasks + P]`; `newKey.i`, `newValue.i` `[L, N, D]`: this tick's page.
 */
export function dynamicsGraph(world: Pick<World, "manifest" | "dynamics">, precision: Precision): Uint8Array {
  const { manifest } = world;
  const { tokens: L, width: W, depth, heads: N, window } = manifest.dynamics;
  const C = manifest.tokenizer.latentChannels;
  const [D, S] = [W / N, L * (window + 1)];
  const graph = new Graph("dynamics");
  const layers = new Layers(graph, world.dynamics, precision);
  const read = (name: string) => layers.weight(name);
  const z = graph.input("z", "float32", [L, C]);
  const previous = graph.input("previous", "float32", [L, C]);
  const { aim, features } = controlFeatures(layers, graph.input("control", "float32", [1, controlSize(manifest)]));
  const cond = conditioning(layers, features, graph.input("levels", "float32", [3, 1]));
  const modulations = modulate(layers, cond, manifest.dynamics);
  const index = graph.input("index", "int64", [S]);
  const biases = graph.add("Gather", [layers.constant(ageTable(read, manifest.dynamics)), index], { axis: 2 });
  const pastBiases = graph.split("Split", [biases, graph.integers(...repeat(depth, N))], depth, { axis: 0 }); // [N, 1, S]

  const latents = graph.add("Concat", [z, previous], { axis: 1 });
  const place = layers.constant(plusRow(read("place"), read("inp.bias")));
  const placed = layers.matmul(latents, read("inp.weight"), place);
  const spots = graph.reshape(layers.linear(features, "spot_in"), L, SPOT);
  const spotted = layers.matmul(spots, read("spot_out.weight"), layers.linear(features, "control_in"));
  let x = graph.add("Add", [placed, spotted]);
  const norm = (shift: Value, scale: Value): Value =>
    graph.add("LayerNormalization", [x, scale, shift], { axis: -1, epsilon: { float: 1e-6 } });
  const addGated = (branch: Value, gate: Value): void => {
    x = graph.add("Add", [x, graph.add("Mul", [branch, gate])]);
  };
  for (let i = 0; i < depth; i++) {
    const block = `blocks.${i}`;
    const [shift, scale, gate, shiftMlp, scaleMlp, gateMlp] = modulations.slice(6 * i) as [
      Value,
      Value,
      Value,
      Value,
      Value,
      Value,
    ];
    const qkv = graph.reshape(layers.matmul(norm(shift, scale), read(`${block}.qkv.weight`)), L, 3 * N, D);
    const [qk, value] = graph.split("Split", [qkv, graph.integers(2 * N, N)], 2, { axis: 1 }) as [Value, Value];
    const unit = layers.rms(qk, D);
    const [q, key] = graph.split("Split", [unit, graph.integers(N, N)], 2, { axis: 1 }) as [Value, Value];
    const query = graph.add("Mul", [q, layers.constant(dividedBy(read(`${block}.query_scale`), D))]);
    const past = {
      key: graph.input(`key.${i}`, "float32", [S, N, D]),
      value: graph.input(`value.${i}`, "float32", [S, N, D]),
    };
    const own = { key, value };
    const bias = { past: pastBiases[i] as Value, own: layers.constant(ownBias(read(`${block}.age_bias`))) };
    const attended = attention(graph, query, past, own, bias, [S, L]); // [N, L, D]
    const rows = graph.reshape(graph.add("Transpose", [attended], { perm: [1, 0, 2] }), L, W);
    addGated(layers.matmul(rows, read(`${block}.out.weight`)), gate);
    const up = layers.matmul(norm(shiftMlp, scaleMlp), read(`${block}.up.weight`));
    addGated(layers.linear(graph.add("FastGelu", [up, layers.bias(`${block}.up`)]), `${block}.down`), gateMlp);
    graph.output(`newKey.${i}`, key, "float32", [L, N, D]);
    graph.output(`newValue.${i}`, value, "float32", [L, N, D]);
  }
  const [shift, scale] = modulations.slice(6 * depth) as [Value, Value];
  const last = norm(shift, scale);
  graph.output("end", graph.add("Add", [previous, layers.linear(last, "out")]), "float32", [L, C]);
  const mean = graph.add("ReduceMean", [last, graph.integers(0)]);
  const heads = layers.linear(layers.silu(layers.linear(mean, "heads_in")), "heads_out");
  const tasks = 2 * (manifest.tasks.length - 1);
  const still = layers.constant({ data: new Float32Array(tasks), shape: [1, tasks] });
  const moved = graph.add("Add", [heads, graph.add("Concat", [still, aim], { axis: 1 })]);
  graph.output("heads", moved, "float32", [1, read("heads_out.bias").data.length]);
  return graph.build();
}

// What the fastest wave of a level embedding turns by at level 1: `MOST_RADIANS` of dynamics.py.
const MOST_RADIANS = 20;

// `aim` of dynamics.py, [1, P], and what the network reads of the control: with it, the aim and the aim's waves.
function controlFeatures(layers: Layers, control: Value): { aim: Value; features: Value } {
  const { graph } = layers;
  const [P, actions] = layers.weight("reach").shape as [number, number];
  const [blocks, pose] = graph.split("Split", [control, graph.integers(actions, P)], 2, { axis: 1 }) as [Value, Value];
  const [low, high] = [0, 1].map((i) => {
    const row = layers.weight("pose_range").data.subarray(i * P, (i + 1) * P);
    return layers.constant({ data: row, shape: [1, P] });
  }) as [Value, Value];
  const reached = graph.add("Gemm", [blocks, layers.constant(layers.weight("reach")), pose], { transB: 1 });
  const aim = graph.add("Min", [graph.add("Max", [reached, low]), high]);
  const waves = layers.constant({ data: Float32Array.from(WAVES), shape: [WAVES.length, 1] });
  const angles = graph.reshape(graph.add("Mul", [aim, waves]), 1, WAVES.length * P);
  const parts = [control, aim, graph.add("Sin", [angles]), graph.add("Cos", [angles])];
  return { aim, features: graph.add("Concat", parts, { axis: 1 }) };
}

// `embed` of dynamics.py: silu(cond(silu(control + levels))), [1, condWidth].
function conditioning(layers: Layers, control: Value, levels: Value): Value {
  const { graph } = layers;
  const size = LEVEL_SIZE / 2;
  const radians = Float32Array.from({ length: size }, (_, i) => MOST_RADIANS ** (i / (size - 1)));
  const angles = graph.add("Mul", [levels, layers.constant({ data: radians, shape: [1, size] })]); // [3, size]
  const waves = graph.add("Concat", [graph.add("Sin", [angles]), graph.add("Cos", [angles])], { axis: 1 });
  const flat = graph.reshape(waves, 1, 3 * LEVEL_SIZE);
  const level = layers.matmul(
    flat,
    levelWeights((name) => layers.weight(name)),
    layers.bias("level_t"),
  );
  const sum = graph.add("Add", [layers.linear(control, "control_cond"), level]);
  return layers.silu(layers.linear(layers.silu(sum), "cond"));
}

// All modulations of the tick, vectors [W] in the order of `modulationWeights`.
function modulate(layers: Layers, cond: Value, sizes: World["manifest"]["dynamics"]): Value[] {
  const { graph } = layers;
  const { weight, bias } = modulationWeights((name) => layers.weight(name), sizes);
  const all = layers.matmul(cond, weight, layers.constant(bias));
  const count = 6 * sizes.depth + 2;
  const flat = graph.reshape(all, count * sizes.width);
  return graph.split("Split", [flat, graph.integers(...repeat(count, sizes.width))], count, { axis: 0 });
}

// softmax(q k^T + bias) v over the context and the tick itself, [N, L, D]. The two are joined as scores and not as keys
// and values, so that the memory is read where it lies.
function attention(
  graph: Graph,
  query: Value,
  past: KeyValue,
  own: KeyValue,
  bias: { readonly past: Value; readonly own: Value },
  sizes: readonly [number, number],
): Value {
  const scores = { transBatchA: 1, transBatchB: 1, transB: 1 };
  const toPast = graph.add("Add", [graph.add("FusedMatMul", [query, past.key], scores), bias.past]);
  const toOwn = graph.add("Add", [graph.add("FusedMatMul", [query, own.key], scores), bias.own]);
  const p = graph.add("Softmax", [graph.add("Concat", [toPast, toOwn], { axis: 2 })], { axis: -1 }); // [N, L, S + L]
  const [pPast, pOwn] = graph.split("Split", [p, graph.integers(...sizes)], 2, { axis: 2 }) as [Value, Value];
  const fromPast = graph.add("FusedMatMul", [pPast, past.value], { transBatchB: 1 });
  const fromOwn = graph.add("FusedMatMul", [pOwn, own.value], { transBatchB: 1 });
  return graph.add("Add", [fromPast, fromOwn]);
}

function repeat(count: number, value: number): number[] {
  return new Array<number>(count).fill(value);
}
