// Attention and memories as nodes of a graph.
import type { OpOf, Tensor } from "@worldstep/kernels";
import type { Value } from "./graph.js";
import type { Lowering } from "./lowering.js";
import { writeTurns } from "./rotary.js";

/** An empty slot gets this for a score: its softmax is exactly 0. */
const HIDDEN = -1e9;

/** Ticks of a chunk, at most: for how many there are angles. */
const MOST_TICKS = 64;

// Keys and values are never made, unless they are asked for: what maps latents to a head's keys is applied to its queries instead, and what
// maps them to its values to their weighted sum (DeepSeek-V2's absorption).
//
// The sink is looked at from the chunk's first tick. So of a chunk of several ticks a query's rotary part is there twice, turned as the
// one wants it and as the other, and a key has zeros in one of the two places. One number more says what is hidden.
export function attend(
  on: Lowering,
  { in: { query, own, past, ages }, out: { y }, weights, attributes }: OpOf<"attend">,
): void {
  const { graph, layers } = on;
  const { heads: N, turns, sinkAge } = attributes;
  const [W, K] = layers.weight(weights.key).shape as [number, number];
  const [, T, L] = own.shape as [string, number | "T", number];
  const [D, R] = [W / N, 6 * turns.length];
  const isChunk = T === "T";
  const [pages] = past;
  const twice = isChunk && pages !== undefined;
  const perHead = (name: string) => on.layers.constant({ data: layers.weight(name).data, shape: [N, D, K] });
  const swapped = (x: Value, ...perm: readonly number[]) => graph.add("Transpose", [x], { perm });
  /** [N, rows, size], heads first -> [B, N, tokens of a session, size]. */
  const bySession = (x: Value, size: number) =>
    swapped(
      isChunk ? graph.add("Reshape", [x, on.shape([N, "B", -1, size])]) : graph.reshape(x, N, -1, L, size),
      1,
      0,
      2,
      3,
    );
  const here = chunkTurns(on, isChunk, L, turns, (tick) => tick);

  const all = on.as(query, -1, N, D + R);
  const { data } = layers.weight(weights.scale);
  const scale = layers.constant({ data: data.map((x) => x / (D + R)), shape: [N, 1] });
  const unit = graph.add("Mul", [layers.rms(all, D + R), scale]);
  const [q, qRotary] = graph.split("Split", [unit, graph.integers(D, R)], 2, { axis: 2 }) as [Value, Value];
  const absorbs = on.keys === "absorbed";
  const size = absorbs ? K : D;
  const plain = swapped(q, 1, 0, 2);
  const asked = bySession(absorbs ? graph.add("FusedMatMul", [plain, perHead(weights.key)]) : plain, size); // [B, N, T L, size]
  const rotary = bySession(swapped(qRotary, 1, 0, 2), R);
  const rotated = [turn(on, rotary, here, R, 3)];
  if (twice)
    rotated.push(
      turn(
        on,
        rotary,
        chunkTurns(on, isChunk, L, turns, () => 0),
        R,
        3,
      ),
    );
  let parts = [asked, ...rotated];
  if (pages !== undefined) {
    const one = graph.add("Add", [graph.add("Mul", [firstOf(on, asked, 3), on.numbers([0], 1)]), on.numbers([1], 1)]);
    parts = [...parts, one];
  }
  const rest = rotated.length * R + (pages === undefined ? 0 : 1);
  const joined = graph.add("Concat", parts, { axis: 3 });

  const bySessionRows = (tensor: Tensor, size: number) =>
    isChunk ? graph.add("Reshape", [on.rows(tensor), on.shape(["B", -1, size])]) : on.as(tensor, -1, L, size);
  const made = bySessionRows(own, K + R);
  const [latents, ownRotary] = graph.split("Split", [made, graph.integers(K, R)], 2, { axis: 2 }) as [Value, Value];
  const ownKeys = [latents, turn(on, ownRotary, here, R, 2)];
  const nothing = (x: Value) => graph.add("Mul", [x, on.numbers([0], 1)]);
  if (twice) ownKeys.push(nothing(ownRotary));
  if (pages !== undefined) ownKeys.push(nothing(firstOf(on, ownRotary, 2)));
  let keys = graph.add("Concat", ownKeys, { axis: 2 });
  let values = latents;
  if (pages !== undefined) {
    const S = pages.shape[1] as number;
    const there = on.as(pages, -1, S * L, K + R);
    const [pastLatents, pastRotary] = graph.split("Split", [there, graph.integers(K, R)], 2, { axis: 2 }) as [
      Value,
      Value,
    ];
    const aged = agedTurns(on, ages[0] as Tensor, S, L, turns, sinkAge);
    const turned = turn(on, pastRotary, aged, R, 2);
    const isSink = Float32Array.from({ length: S * L }, (_, row) => Number(row < L));
    const only = (mask: Float32Array) => graph.add("Mul", [turned, on.numbers(mask, S * L, 1)]);
    const placed = twice ? [only(isSink.map((x) => 1 - x)), only(isSink)] : [turned];
    const pastKeys = graph.add("Concat", [pastLatents, ...placed, aged.hidden], { axis: 2 });
    keys = graph.add("Concat", [pastKeys, keys], { axis: 1 });
    values = graph.add("Concat", [pastLatents, latents], { axis: 1 });
  }
  if (!absorbs) {
    on.madeRows(y, overMadeKeys(on, joined, keys, values, weights, { N, D, K, rest }));
    return;
  }
  const flat = isChunk
    ? graph.add("Reshape", [joined, on.shape(["B", -1, K + rest])])
    : graph.reshape(joined, -1, N * L, K + rest);
  const scores = graph.add("FusedMatMul", [flat, keys], { transB: 1 }); // [B, N T L, S L + T L]
  const summed = graph.add("MatMul", [graph.add("Softmax", [scores], { axis: -1 }), values]); // [B, N T L, K]
  const byHead = swapped(
    isChunk ? graph.add("Reshape", [summed, on.shape(["B", N, -1, K])]) : graph.reshape(summed, -1, N, L, K),
    1,
    0,
    2,
    3,
  );
  const mixed = graph.add("FusedMatMul", [graph.reshape(byHead, N, -1, K), perHead(weights.value)], { transB: 1 });
  on.madeRows(y, graph.reshape(swapped(mixed, 1, 0, 2), -1, W));
}

// The same with a key and a value a head: queries `[B, N, T L, D + rest]`; keys `[B, S, K + rest]` and values `[B, S, K]` as latents, of all that is
// looked at; -> `[rows, W]`.
function overMadeKeys(
  on: Lowering,
  queries: Value,
  keys: Value,
  values: Value,
  weights: OpOf<"attend">["weights"],
  { N, D, K, rest }: { readonly N: number; readonly D: number; readonly K: number; readonly rest: number },
): Value {
  const { graph } = on;
  const swapped = (x: Value) => graph.add("Transpose", [x], { perm: [0, 2, 1, 3] });
  const ofHeads = (name: string, latents: Value) => {
    const made = graph.add("Gemm", [graph.reshape(latents, -1, K), on.weight(name)], { transB: 1 });
    return swapped(graph.add("Reshape", [made, on.shape(["B", -1, N, D])])); // [B, N, S, D]
  };
  const [latents, others] = graph.split("Split", [keys, graph.integers(K, rest)], 2, { axis: 2 }) as [Value, Value];
  const shared = graph.add("Expand", [graph.add("Unsqueeze", [others, graph.integers(1)]), graph.integers(1, N, 1, 1)]);
  const all = graph.add("Concat", [ofHeads(weights.key, latents), shared], { axis: 3 });
  const seen = graph.add("Softmax", [graph.add("FusedMatMul", [queries, all], { transB: 1 })], { axis: -1 });
  return graph.reshape(swapped(graph.add("MatMul", [seen, ofHeads(weights.value, values)])), -1, N * D);
}

// The first number of the last axis, `axis`, with an axis of its own.
function firstOf(on: Lowering, x: Value, axis: number): Value {
  const { graph } = on;
  return graph.add("Slice", [x, graph.integers(0), graph.integers(1), graph.integers(axis)]);
}

// What turns the chunk's own tokens, `[T L, R]`, those of tick k being at `time(k)`.
function chunkTurns(
  on: Lowering,
  isChunk: boolean,
  L: number,
  turns: readonly number[],
  time: (tick: number) => number,
) {
  const size = L * 6 * turns.length;
  const most = isChunk ? MOST_TICKS : 1;
  const [cos, sin] = [new Float32Array(most * size), new Float32Array(most * size)];
  for (let k = 0; k < most; k++) {
    writeTurns(cos.subarray(k * size, (k + 1) * size), sin.subarray(k * size, (k + 1) * size), turns, time(k));
  }
  const table = (data: Float32Array) => {
    const whole = on.numbers(data, most * L, 6 * turns.length);
    return isChunk ? on.firstRows(whole, L) : whole;
  };
  return { cos: table(cos), sin: table(sin) };
}

// What turns the tokens of each slot's page, `[B, S L, R]`, and what is added to their scores, `[B, S L, 1]`, by age.
function agedTurns(on: Lowering, ages: Tensor, S: number, L: number, turns: readonly number[], sinkAge: number) {
  const { graph } = on;
  const R = 6 * turns.length;
  const [cos, sin] = [new Float32Array((sinkAge + 1) * L * R), new Float32Array((sinkAge + 1) * L * R)];
  for (let age = 0; age <= sinkAge; age++) {
    writeTurns(cos.subarray(age * L * R, (age + 1) * L * R), sin.subarray(age * L * R, (age + 1) * L * R), turns, -age);
  }
  const hidden = Float32Array.from({ length: (sinkAge + 1) * L }, (_, i) => (i < L ? HIDDEN : 0));
  const index = on.whole(ages);
  const of = (table: Float32Array, size: number) => {
    const found = graph.add("Gather", [on.numbers(table, sinkAge + 1, L * size), index], { axis: 0 });
    return graph.reshape(found, -1, S * L, size);
  };
  return { cos: of(cos, R), sin: of(sin, R), hidden: of(hidden, 1) };
}

// Rotary parts, the last axis, `axis`, of R, the pairs of which lie half apart, turned.
function turn(
  on: Lowering,
  x: Value,
  { cos, sin }: { readonly cos: Value; readonly sin: Value },
  R: number,
  axis: number,
): Value {
  const { graph } = on;
  const [a, b] = graph.split("Split", [x, graph.integers(R / 2, R / 2)], 2, { axis }) as [Value, Value];
  const swapped = graph.add("Concat", [b, a], { axis });
  return graph.add("Add", [graph.add("Mul", [x, cos]), graph.add("Mul", [swapped, sin])]);
}

export function deltaRead(
  on: Lowering,
  { in: { x, state }, out: { y }, attributes: { heads: N } }: OpOf<"deltaRead">,
): void {
  const { graph, layers } = on;
  const D = state.shape.at(-1) as number;
  const [q, , , gate] = memoryParts(on, x, N * D);
  const unit = unitByHead(on, `${x.id}.query`, q as Value, N, D);
  const [, T] = x.shape;
  const bySession = graph.add(
    "Transpose",
    [
      T === "T"
        ? graph.add("Reshape", [unit, on.shape(["B", -1, N, D])])
        : graph.reshape(unit, -1, x.shape[2] as number, N, D),
    ],
    { perm: [0, 2, 1, 3] },
  );
  const shown = layers.rms(graph.add("FusedMatMul", [bySession, on.whole(state)]), D); // [B, N, T L, D]
  const seen = graph.reshape(graph.add("Transpose", [shown], { perm: [0, 2, 1, 3] }), -1, N * D);
  on.madeRows(y, graph.add("Mul", [seen, layers.silu(gate as Value)]));
}

export function deltaWrite(
  on: Lowering,
  { in: { x, rates, state }, out: { y }, weights, attributes: { heads: N } }: OpOf<"deltaWrite">,
): void {
  const { graph, layers } = on;
  const [L, D] = [x.shape[2] as number, state.shape.at(-1) as number];
  const [q, k, v] = memoryParts(on, x, N * D) as [Value, Value, Value, Value];
  const split = graph.split("Split", [on.as(rates, -1, L, 2 * N), graph.integers(N, N)], 2, { axis: 2 });
  const [write, forget] = split as [Value, Value];
  const rate = on.numbers(
    layers.weight(weights.decay).data.map((value) => -Math.exp(value)),
    1,
    N,
  );
  const forgotten = graph.reshape(on.wholePackets("Softplus", on.meanOf(forget, L), N), -1, 1, N);
  const once = Float32Array.from({ length: L }, (_, row) => Number(row === 0)); // a tick forgets once
  const decay = graph.add("Mul", [graph.add("Mul", [forgotten, rate]), on.numbers(once, L, 1)]);
  const tokens = (value: Value) => graph.reshape(value, -1, L, N * D);
  const [query, key] = [unitByHead(on, `${x.id}.query`, q, N, D), unitByHead(on, `${x.id}.key`, k, N, D)];
  const inputs = [tokens(query), tokens(key), tokens(v), on.whole(state), decay, graph.add("Sigmoid", [write])];
  const attributes = { q_num_heads: N, kv_num_heads: N, update_rule: "gated_delta" };
  on.made(y, graph.split("LinearAttention", inputs, 2, attributes)[1] as Value);
}

function memoryParts(on: Lowering, x: Tensor, W: number): readonly Value[] {
  const name = `${x.id}.memory`;
  return on.once(name, () => on.graph.split("Split", [on.rows(x), on.graph.integers(W, W, W, W)], 4, { axis: 1 }));
}

// Of unit length by head, [rows, N, D].
function unitByHead(on: Lowering, name: string, x: Value, N: number, D: number): Value {
  return on.once(name, () => [on.layers.rms(on.graph.reshape(x, -1, N, D), D, D ** -0.5)])[0] as Value;
}
