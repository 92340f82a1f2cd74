// `Block` of training/blocks.py as nodes: attention over the chunk itself and, in a window block, over the
// context; in a memory block, what its memory shows; an expert's feed-forward. Shapes are those of dynamics-graph.ts.
import type { Weight } from "../safetensors.js";
import type { WorldManifest } from "../world-schema.js";
import { rotarySize } from "../world-tensors.js";
import { dividedBy, reshaped } from "./dynamics-weights.js";
import type { Value } from "./graph.js";
import { Layers } from "./layers.js";
import { writeTurns } from "./rotary.js";
import type { TickRows } from "./tick-rows.js";

/** What all blocks read. */
export interface ContextInputs {
  /** What turns the rotary parts of the context's keys, `[S, R]`: see rotary.ts. */
  readonly cos: Value;
  readonly sin: Value;
  /** What is added to the scores of the context's keys, `[1, S]`. */
  readonly hidden: Value;
  /** Number of the chunk's expert, one int64. */
  readonly expert: Value;
}

type Sizes = WorldManifest["dynamics"];

/** A block on `x` `[T L, W]`; the modulations are of TickRows, scales with their 1. */
export function blockGraph(
  sizes: Sizes,
  rows: TickRows,
  { i, kind }: { readonly i: number; readonly kind: string },
  x: Value,
  modulations: readonly Value[],
  context: ContextInputs,
): Value {
  const { layers } = rows;
  const { graph } = layers;
  const [shift, scale, gate, shiftMlp, scaleMlp, gateMlp] = modulations as [Value, Value, Value, Value, Value, Value];
  const block = `blocks.${i}`;
  const h = rows.norm(x, shift, scale);
  const parts = [attention(sizes, rows, i, kind === "w", h, context)];
  if (kind === "m") parts.push(memory(sizes, rows, i, h));
  const seen = parts.length === 1 ? (parts[0] as Value) : graph.add("Concat", parts, { axis: 1 });
  const mixed = rows.plusGated(x, layers.matmul(seen, layers.weight(`${block}.out.weight`)), gate);
  const read = rows.norm(mixed, shiftMlp, scaleMlp);
  const experts = Array.from({ length: sizes.experts }, (_, e) => expert(layers, `${block}.experts.${e}`, read));
  const chosen = graph.choose(context.expert, experts, read, rows.shape(sizes.width));
  return rows.plusGated(mixed, chosen, gateMlp);
}

function expert({ weights, precision }: Layers, name: string, x: Value) {
  return (graph: Layers["graph"]): Value => {
    const layers = new Layers(graph, weights, precision);
    const up = layers.matmul(x, layers.weight(`${name}.up.weight`));
    return layers.linear(graph.add("FastGelu", [up, layers.bias(`${name}.up`)]), `${name}.down`);
  };
}

// Softmax attention, [T L, W]. Keys and values are never made: what maps latents to a head's keys is applied to its
// queries instead, and what maps them to its values to their weighted sum (DeepSeek-V2's absorption).
//
// A query is where its tick is; the sink, which has one age for all, is looked at from the chunk's first. So of a chunk of
// several ticks a query's rotary part is there twice, turned as the one wants it and as the other, and a key has zeros in
// one of the two places.
function attention(
  sizes: Sizes,
  rows: TickRows,
  i: number,
  isWindow: boolean,
  h: Value,
  context: ContextInputs,
): Value {
  const { layers, isOne } = rows;
  const { graph } = layers;
  const { tokens: L, width: W, heads: N, latent: K, window, chunk } = sizes;
  const [D, R, S, most] = [W / N, rotarySize(sizes), L * (window + 1), L * chunk];
  const twice = isWindow && !isOne;
  const weight = (name: string) => layers.weight(`blocks.${i}.${name}`);
  const perHead = (name: string) => layers.constant(reshaped(weight(`${name}.weight`), N, D, K));
  const byHead = (y: Value) => graph.add("Transpose", [y], { perm: [1, 0, 2] });
  const now = turns(rows, sizes, (tick) => tick);

  const all = graph.reshape(layers.matmul(h, weight("query.weight")), -1, N, D + R);
  const scale = layers.constant(dividedBy(weight("query_scale"), D + R));
  const unit = graph.add("Mul", [layers.rms(all, D + R), scale]);
  const [q, qRotary] = graph.split("Split", [unit, graph.integers(D, R)], 2, { axis: 2 }) as [Value, Value];
  const absorbed = graph.add("FusedMatMul", [byHead(q), perHead("key")]); // [N, T L, K]
  const rotated = [turned(layers, byHead(qRotary), now, R, 2)];
  if (twice) {
    const first = turns(rows, sizes, () => 0);
    rotated.push(turned(layers, byHead(qRotary), first, R, 2));
  }
  const length = K + rotated.length * R;
  const query = graph.reshape(graph.add("Concat", [absorbed, ...rotated], { axis: 2 }), -1, length);

  const made = layers.matmul(h, weight("latents.weight"));
  const parts = graph.split("Split", [made, graph.integers(K, R)], 2, { axis: 1 }) as [Value, Value];
  const [latents, rotary] = [layers.rms(parts[0], K), layers.rms(parts[1], R)];
  const nothing = (size: number): Weight => ({ data: new Float32Array(most * size), shape: [most, size] });
  const nowhere = twice ? [rows.ofTokens(nothing(R))] : [];
  let keys = graph.add("Concat", [latents, turned(layers, rotary, now, R, 1), ...nowhere], { axis: 1 });
  let values = latents;
  let bias: Value[] = [];
  if (isWindow) {
    if (isOne) {
      graph.output(`next.latents.${i}`, latents, "float32", [L, K]);
      graph.output(`next.rotary.${i}`, rotary, "float32", [L, R]);
    }
    const pastLatents = graph.input(`latents.${i}`, "float32", [S, K]);
    const pastRotary = turned(layers, graph.input(`rotary.${i}`, "float32", [S, R]), context, R, 1);
    const isSink = (row: number) => row < L;
    const only = (wanted: boolean) => {
      const mask = Float32Array.from({ length: S }, (_, row) => Number(isSink(row) === wanted));
      return graph.add("Mul", [pastRotary, layers.constant({ data: mask, shape: [S, 1] })]);
    };
    const placed = twice ? [only(false), only(true)] : [pastRotary];
    const past = graph.add("Concat", [pastLatents, ...placed], { axis: 1 });
    keys = graph.add("Concat", [past, keys], { axis: 0 });
    values = graph.add("Concat", [pastLatents, latents], { axis: 0 });
    const shown = graph.reshape(rows.ofTokens(nothing(1)), 1, -1);
    bias = [graph.add("Concat", [context.hidden, shown], { axis: 1 })];
  }
  const scores = graph.add("Gemm", [query, keys, ...bias], { transB: 1 }); // [N T L, S + T L]
  const summed = graph.add("MatMul", [graph.add("Softmax", [scores], { axis: -1 }), values]); // [N T L, K]
  const heads = graph.reshape(summed, N, -1, K);
  const mixed = graph.add("FusedMatMul", [heads, perHead("value")], { transB: 1 }); // [N, T L, D]
  return graph.reshape(byHead(mixed), -1, W);
}

interface Turns {
  readonly cos: Value;
  readonly sin: Value;
}

// What turns the chunk's own tokens, `[T L, R]`, those of tick k, of the longest chunk, being at `time(k)`.
function turns(rows: TickRows, sizes: Sizes, time: (tick: number) => number): Turns {
  const { chunk: most, rotary } = sizes;
  const R = rotarySize(sizes);
  const size = rows.tokens * R;
  const [cos, sin] = [new Float32Array(most * size), new Float32Array(most * size)];
  for (let k = 0; k < most; k++) {
    writeTurns(cos.subarray(k * size, (k + 1) * size), sin.subarray(k * size, (k + 1) * size), rotary, time(k));
  }
  const shape = [most * rows.tokens, R];
  return { cos: rows.ofTokens({ data: cos, shape }), sin: rows.ofTokens({ data: sin, shape }) };
}

// Rotary parts `[.., R]`, the pairs of which lie half apart, turned.
function turned({ graph }: Layers, x: Value, { cos, sin }: Turns, R: number, axis: number): Value {
  const half = graph.integers(R / 2, R / 2);
  const [a, b] = graph.split("Split", [x, half], 2, { axis }) as [Value, Value];
  const swapped = graph.add("Concat", [b, a], { axis });
  return graph.add("Add", [graph.add("Mul", [x, cos]), graph.add("Mul", [swapped, sin])]);
}

// `Memory` of blocks.py: what the state of the ticks before shows, [T L, W]. Writes one tick into the state.
function memory(sizes: Sizes, { layers, isOne }: TickRows, i: number, h: Value): Value {
  const { graph } = layers;
  const { width: W, heads: N } = sizes;
  const D = W / N;
  const name = `blocks.${i}.memory`;
  const state = graph.input(`recurrent.${i}`, "float32", [N, D, D]);
  const made = layers.matmul(h, layers.weight(`${name}.inp.weight`));
  const parts = graph.split("Split", [made, graph.integers(W, W, W, W)], 4, { axis: 1 });
  const [q, k, v, gate] = parts as [Value, Value, Value, Value];
  const unit = (y: Value) => layers.rms(graph.reshape(y, -1, N, D), D, D ** -0.5);
  const query = unit(q);
  const shown = graph.add("FusedMatMul", [graph.add("Transpose", [query], { perm: [1, 0, 2] }), state]); // [N, T L, D]
  const seen = graph.reshape(graph.add("Transpose", [layers.rms(shown, D)], { perm: [1, 0, 2] }), -1, W);
  if (isOne) {
    const next = written(layers, sizes, name, h, { query, key: unit(k), value: v, state });
    graph.output(`next.recurrent.${i}`, next, "float32", [N, D, D]);
  }
  return graph.add("Mul", [seen, layers.silu(gate)]);
}

// `Memory.written` of blocks.py: the state after one tick's tokens.
function written(
  layers: Layers,
  { tokens: L, width: W, heads: N }: Sizes,
  name: string,
  h: Value,
  { query, key, value, state }: Readonly<Record<"query" | "key" | "value" | "state", Value>>,
): Value {
  const { graph } = layers;
  const D = W / N;
  const rates = graph.split("Split", [layers.linear(h, `${name}.rates`), graph.integers(N, N)], 2, { axis: 1 });
  const [write, forget] = rates as [Value, Value];
  const rate = layers.constant({ data: layers.weight(`${name}.decay`).data.map((x) => -Math.exp(x)), shape: [1, N] });
  const forgotten = graph.add("Softplus", [graph.add("ReduceMean", [forget, graph.integers(0)])]);
  const once = Float32Array.from({ length: L }, (_, row) => Number(row === 0)); // a tick forgets once
  const decay = graph.add("Mul", [graph.add("Mul", [forgotten, rate]), layers.constant({ data: once, shape: [L, 1] })]);
  const row = (y: Value, size: number) => graph.reshape(y, 1, L, size);
  const inputs = [row(query, W), row(key, W), row(value, W), graph.reshape(state, 1, N, D, D)];
  inputs.push(row(decay, N), row(graph.add("Sigmoid", [write]), N));
  const attributes = { q_num_heads: N, kv_num_heads: N, update_rule: "gated_delta" };
  const [, next] = graph.split("LinearAttention", inputs, 2, attributes) as [Value, Value];
  return graph.reshape(next, N, D, D);
}
