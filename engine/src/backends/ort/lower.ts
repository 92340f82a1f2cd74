// A plan as one ONNX graph. Sizes that are a run's own (sessions of the batch, ticks of the chunk) stay free, so that one graph, and one copy of
// the weights, serves all of them.
//
// What ONNX Runtime multiplies has rows: tensors are kept as [rows, last], and pictures as [n, channels, h, w], until something wants them
// otherwise. Each row's numbers depend on that row alone (lower.test.ts): a session's bits are the same alone and among others.
import type { Activation, AnyOp, OpKind, OpOf, Plan, Shape, Tensor } from "@worldstep/kernels";
import type { Precision } from "../../backend.js";
import type { Weights } from "../../model/recorder.js";
import type { Weight } from "../../safetensors.js";
import { Graph, type Value } from "./graph.js";
import { Layers } from "./layers.js";
import { writeTurns } from "./rotary.js";

/** An empty slot gets this for a score: its softmax is exactly 0. */
const HIDDEN = -1e9;

/** Floats that Eigen computes at once, at most: of AVX-512. */
const PACKET = 16;

/** Planes [n, channels, h, w]; `order`: which channel of the tensor each is, where that is not the same. */
interface Planes {
  readonly value: Value;
  readonly order?: readonly number[];
}

/** What is known of a tensor: its numbers in row-major order, in some shape, or as planes, or both. */
interface Known {
  flat?: Value;
  planes?: Planes;
  /** By their last size, or their shape: what they were reshaped to. */
  readonly shaped: Map<string, Value>;
}

type Lowered = { readonly [Kind in OpKind]: (op: OpOf<Kind>) => void };

/** The bytes of the ONNX model of `plan`. Its inputs and outputs have the plan's names. */
export function lower(plan: Plan, weights: Weights, precision: Precision = "fp32"): Uint8Array {
  return new Lowering(plan, weights, precision).model();
}

class Lowering implements Lowered {
  readonly graph: Graph;
  readonly layers: Layers;
  readonly #known = new Map<number, Known>();
  readonly #sizes = new Map<string, Value>();
  readonly #parts = new Map<string, readonly Value[]>();

  constructor(
    readonly plan: Plan,
    weights: Weights,
    precision: Precision,
  ) {
    this.graph = new Graph(plan.name);
    this.layers = new Layers(this.graph, weights, precision);
  }

  model(): Uint8Array {
    const { graph, plan } = this;
    for (const [name, { id, shape, dtype }] of Object.entries(plan.inputs)) {
      const type = ({ f32: "float32", u8: "uint8", i32: "int32" } as const)[dtype];
      const value = graph.input(name, type, shape);
      this.#known.set(id, { flat: value, shaped: new Map([[String(shape), value]]) });
      for (const [axis, dim] of shape.entries()) {
        if (typeof dim === "string" && !this.#sizes.has(dim)) {
          this.#sizes.set(dim, graph.add("Shape", [value], { start: axis, end: axis + 1 }));
        }
      }
    }
    for (const op of plan.ops) (this[op.kind] as (op: AnyOp) => void)(op);
    for (const [name, tensor] of Object.entries(plan.outputs)) {
      const type = tensor.dtype === "u8" ? "uint8" : "float32";
      graph.output(name, graph.add("Identity", [this.whole(tensor)]), type, tensor.shape);
    }
    return graph.build();
  }

  // ---- what a tensor looks like to ONNX Runtime

  /** Row-major, of whatever shape. */
  #flat(tensor: Tensor): Value {
    const known = this.#of(tensor);
    if (known.flat !== undefined) return known.flat;
    known.flat = this.graph.add("Transpose", [this.planes(tensor)], { perm: [0, 2, 3, 1] });
    return known.flat;
  }

  #of({ id }: Tensor): Known {
    const known = this.#known.get(id);
    if (!known) throw new Error(`%${id} is read before it is made`);
    return known;
  }

  /** `[rows, last]`. */
  rows(tensor: Tensor): Value {
    return this.as(tensor, -1, tensor.shape.at(-1) as number);
  }

  /** `[rows of places, places, last]`, the last two sizes as they are. */
  places(tensor: Tensor): Value {
    return this.as(tensor, -1, ...(tensor.shape.slice(-2) as number[]));
  }

  /** In a shape of numbers, of which one may be -1: what is left. */
  as(tensor: Tensor, ...shape: readonly number[]): Value {
    const known = this.#of(tensor);
    const made = known.shaped.get(String(shape)) ?? this.graph.reshape(this.#flat(tensor), ...shape);
    known.shaped.set(String(shape), made);
    return made;
  }

  /** In its own shape. */
  whole(tensor: Tensor): Value {
    const { shape } = tensor;
    const known = this.#of(tensor);
    const free = shape.filter((dim) => typeof dim === "string");
    if (free.length < 2) return this.as(tensor, ...shape.map((dim) => (typeof dim === "string" ? -1 : dim)));
    const made = known.shaped.get(String(shape)) ?? this.graph.add("Reshape", [this.#flat(tensor), this.#shape(shape)]);
    known.shaped.set(String(shape), made);
    return made;
  }

  #shape(shape: Shape): Value {
    const name = String(shape);
    const dims = shape.map((dim) =>
      typeof dim === "string" ? (this.#sizes.get(dim) as Value) : this.graph.integers(dim),
    );
    const made = this.#sizes.get(name) ?? this.graph.add("Concat", dims, { axis: 0 });
    this.#sizes.set(name, made);
    return made;
  }

  /** `[n, channels, h, w]`, in the tensor's order of channels. */
  planes(tensor: Tensor): Value {
    const { value, order } = this.ordered(tensor);
    if (order === undefined) return value;
    const index = this.graph.integers(...order.map((_, channel) => order.indexOf(channel)));
    const plain = this.graph.add("Gather", [value, index], { axis: 1 });
    this.#of(tensor).planes = { value: plain };
    return plain;
  }

  /** The same in any order of channels, which is told. */
  ordered(tensor: Tensor): Planes {
    const known = this.#of(tensor);
    if (known.planes !== undefined) return known.planes;
    const picture = this.as(tensor, -1, ...(tensor.shape.slice(-3) as number[]));
    known.planes = { value: this.graph.add("Transpose", [picture], { perm: [0, 3, 1, 2] }) };
    return known.planes;
  }

  #isPicture(tensor: Tensor): boolean {
    return this.#of(tensor).planes !== undefined;
  }

  #made({ id }: Tensor, flat: Value): void {
    this.#known.set(id, { flat, shaped: new Map() });
  }

  /** As rows: `[rows, last]`. */
  #madeRows(tensor: Tensor, value: Value): void {
    const shape = [-1, tensor.shape.at(-1) as number];
    this.#known.set(tensor.id, { flat: value, shaped: new Map([[String(shape), value]]) });
  }

  #madePlanes({ id }: Tensor, planes: Planes): void {
    this.#known.set(id, { planes, shaped: new Map() });
  }

  // ---- constants

  #numbers(data: ArrayLike<number>, ...shape: readonly number[]): Value {
    return this.layers.constant({ data: Float32Array.from(data), shape });
  }

  #weight(name: string): Value {
    return this.layers.constant(this.layers.weight(name));
  }

  #rowOf(name: string, row: number): Value {
    const { data, shape } = this.layers.weight(name);
    const size = shape.at(-1) as number;
    return this.#numbers(data.subarray(row * size, (row + 1) * size), 1, size);
  }

  // ---- ops

  // What Eigen computes sixteen at a time it computes otherwise in what is left over at the end: so that no number is there, rows are filled
  // up. x, in any shape, has `size` numbers for each that may be alone.
  #wholePackets(kind: "Sin" | "Cos" | "Softplus" | "Log", x: Value, size: number): Value {
    const { graph } = this;
    const rows = graph.reshape(x, -1, size);
    const missing = (PACKET - (size % PACKET)) % PACKET;
    if (missing === 0) return graph.add(kind, [rows]);
    const filled = graph.add("Pad", [rows, graph.integers(0, 0, 0, missing), this.#numbers([1])]);
    return graph.add("Slice", [graph.add(kind, [filled]), ...[0, size, 1].map((i) => graph.integers(i))]);
  }

  #activated(x: Value, activation: Activation, size: number): Value {
    const { graph } = this;
    switch (activation) {
      case "none":
        return x;
      case "relu":
        return graph.add("Relu", [x]);
      case "silu":
        return this.layers.silu(x);
      case "gelu":
        return graph.add("FastGelu", [x]);
      case "sin":
        return this.#wholePackets("Sin", x, size);
      case "sigmoid":
        return graph.add("Sigmoid", [x]);
    }
  }

  linear({ in: { x, plus, onto }, out: { y }, weights, attributes }: OpOf<"linear">): void {
    const { graph } = this;
    const weight = this.layers.weight(weights.weight);
    const [bias] = weights.bias;
    // Parts with a row for each row of y are multiplied at once; what has fewer is multiplied on its own, and goes with many.
    const lead = (tensor: Tensor) => String(tensor.shape.slice(0, -1));
    const groups = new Map<string, Tensor[]>();
    for (const part of x) groups.set(lead(part), [...(groups.get(lead(part)) ?? []), part]);
    const starts = new Map(
      x.map((part, i) => [part, x.slice(0, i).reduce((sum, { shape }) => sum + (shape.at(-1) as number), 0)]),
    );
    let first = true;
    const made = [...groups].map(([, parts]) => {
      const values = parts.map((part) => this.rows(part));
      const joined = values.length === 1 ? (values[0] as Value) : graph.add("Concat", values, { axis: 1 });
      const columns = parts.map((part) => [starts.get(part) as number, part.shape.at(-1) as number] as const);
      const plain = this.layers.matmul(
        joined,
        columnsOf(weight, columns),
        first && bias ? this.#weight(bias) : undefined,
      );
      first = false;
      const shape = [...(parts[0] as Tensor).shape.slice(0, -1), weight.shape[0] as number];
      return { shape, value: plain };
    });
    const sum = this.#sum(y.shape, [...made, ...plus.map((tensor) => ({ shape: tensor.shape, tensor }))]);
    const active = this.#activated(sum, attributes.activation, weight.shape[0] as number);
    const onTop = onto.map((tensor) => ({ shape: tensor.shape, tensor }));
    this.#madeRows(y, onto.length === 0 ? active : this.#sum(y.shape, [{ shape: y.shape, value: active }, ...onTop]));
  }

  /** The sum, as rows of `shape`; of tensors, or of values that are rows. */
  #sum(
    shape: Shape,
    terms: readonly { readonly shape: Shape; readonly tensor?: Tensor; readonly value?: Value }[],
  ): Value {
    const { graph } = this;
    const size = shape.at(-1) as number;
    const isWhole = (of: Shape) => String(of) === String(shape);
    const added = (values: readonly Value[]) => values.reduce((a, b) => graph.add("Add", [a, b]));
    const whole = terms.filter((term) => isWhole(term.shape));
    const others = terms.filter((term) => !isWhole(term.shape));
    const rows = whole.map(({ tensor, value }) => value ?? this.rows(tensor as Tensor));
    if (others.length === 0) return added(rows);
    const inShape = others.map(({ shape: of, tensor, value }) => {
      if (tensor) return this.whole(tensor);
      const free = of.filter((dim) => typeof dim === "string");
      return free.length < 2
        ? graph.reshape(value as Value, ...of.map((dim) => (typeof dim === "string" ? -1 : dim)))
        : graph.add("Reshape", [value as Value, this.#shape(of)]);
    });
    if (rows.length === 0) return graph.reshape(added(inShape), -1, size);
    const free = shape.filter((dim) => typeof dim === "string");
    const sum = added(rows);
    const back =
      free.length < 2
        ? graph.reshape(sum, ...shape.map((dim) => (typeof dim === "string" ? -1 : dim)))
        : graph.add("Reshape", [sum, this.#shape(shape)]);
    return graph.reshape(added([back, ...inShape]), -1, size);
  }

  add({ in: { x }, out: { y }, attributes }: OpOf<"add">): void {
    if (x.some((part) => this.#isPicture(part))) {
      const sum = x.map((part) => this.planes(part)).reduce((a, b) => this.graph.add("Add", [a, b]));
      this.#madePlanes(y, { value: this.#activated(sum, attributes.activation, 1) });
      return;
    }
    const sum = this.#sum(
      y.shape,
      x.map((tensor) => ({ shape: tensor.shape, tensor })),
    );
    this.#madeRows(y, this.#activated(sum, attributes.activation, y.shape.at(-1) as number));
  }

  subtract({ in: { a, b }, out: { y }, attributes: { factor } }: OpOf<"subtract">): void {
    const isPicture = this.#isPicture(a);
    const of = (tensor: Tensor) => (isPicture ? this.planes(tensor) : this.rows(tensor));
    const off = this.graph.add("Sub", [of(a), of(b)]);
    const value = factor === 1 ? off : this.graph.add("Mul", [off, this.#numbers([factor], 1)]);
    if (isPicture) this.#madePlanes(y, { value });
    else this.#madeRows(y, value);
  }

  fourier({ in: { x }, out: { y }, attributes: { rates } }: OpOf<"fourier">): void {
    const { graph } = this;
    const n = x.shape.at(-1) as number;
    const turns = graph.add("Mul", [this.as(x, -1, 1, n), this.#numbers(rates, rates.length, 1)]);
    const angles = graph.reshape(turns, -1, rates.length * n);
    const waves = (["Sin", "Cos"] as const).map((kind) => this.#wholePackets(kind, angles, rates.length * n));
    this.#madeRows(y, graph.add("Concat", [this.rows(x), ...waves], { axis: 1 }));
  }

  sinusoid({ in: { levels }, out: { y }, attributes: { size, radians } }: OpOf<"sinusoid">): void {
    const { graph } = this;
    const half = size / 2;
    const rates = Float32Array.from({ length: half }, (_, i) => radians ** (i / (half - 1)));
    const angles = graph.add("Mul", [this.as(levels, -1, 1), this.#numbers(rates, 1, half)]);
    const waves = graph.add(
      "Concat",
      [this.#wholePackets("Sin", angles, half), this.#wholePackets("Cos", angles, half)],
      { axis: 1 },
    );
    this.#made(y, waves);
  }

  views({ in: { x }, out: { y }, weights: { units }, attributes: { orders, isDifference } }: OpOf<"views">): void {
    const { graph } = this;
    let value = this.rows(x);
    for (const unit of units) {
      value = graph.add("Mul", [value, this.#rowOf(unit, 0)]);
      if (!isDifference) value = graph.add("Add", [value, this.#rowOf(unit, 1)]);
    }
    this.#made(y, graph.add("Gather", [value, graph.integers(...orders.flat())], { axis: 1 }));
  }

  mergeViews({ in: { x }, out: { y }, weights: { units }, attributes }: OpOf<"mergeViews">): void {
    const { graph } = this;
    const { orders, shared } = attributes;
    const [N, said] = x.shape.slice(-2) as [number, number];
    const own = said - shared;
    const all = this.as(x, -1, N, said);
    const sizes = graph.integers(shared, own);
    const [nobodys, things] = own === 0 ? [all] : graph.split("Split", [all, sizes], 2, { axis: 2 });
    const mean = graph.add("ReduceMean", [nobodys as Value, graph.integers(1)], { keepdims: 0 });
    const parts = things === undefined ? [mean] : [mean, graph.reshape(things, -1, N * own)];
    const joined = parts.length === 1 ? mean : graph.add("Concat", parts, { axis: 1 });
    const places = orders.flatMap((order, n) => order.slice(n === 0 ? 0 : shared, said));
    const index = graph.integers(...places.map((_, i) => places.indexOf(i)));
    let value = graph.add("Gather", [joined, index], { axis: 1 });
    for (const unit of units) value = graph.add("Div", [value, this.#rowOf(unit, 0)]);
    this.#madeRows(y, value);
  }

  settle({ in: { state, change }, out: { y }, weights, attributes: { least } }: OpOf<"settle">): void {
    const { graph } = this;
    let value = graph.add("Add", [this.rows(state), this.layers.shrink(this.rows(change), least)]);
    for (const range of weights.range) {
      value = graph.add("Max", [value, this.#rowOf(range, 0)]);
      value = graph.add("Min", [value, this.#rowOf(range, 1)]);
    }
    this.#madeRows(y, value);
  }

  between({ in: { a, b }, out: { y }, attributes: { steps } }: OpOf<"between">): void {
    const { graph } = this;
    const Q = a.shape.at(-1) as number;
    const [from, to] = [this.as(a, -1, 1, Q), this.as(b, -1, 1, Q)];
    const share = this.#numbers(
      Array.from({ length: steps }, (_, i) => (i + 1) / steps),
      steps,
      1,
    );
    this.#made(y, graph.add("Add", [from, graph.add("Mul", [graph.add("Sub", [to, from]), share])]));
  }

  // Parts of a modulation, [ticks, 1, W] each.
  #modulation(modulation: Tensor, W: number, at: number): Value {
    const size = modulation.shape.at(-1) as number;
    const name = `${modulation.id}.${W}`;
    const count = size / W;
    const parts =
      this.#parts.get(name) ??
      this.graph.split(
        "Split",
        [this.as(modulation, -1, 1, size), this.graph.integers(...new Array<number>(count).fill(W))],
        count,
        { axis: 2 },
      );
    this.#parts.set(name, parts);
    return parts[at] as Value;
  }

  modulate({ in: { x, modulation }, out: { y }, attributes: { at } }: OpOf<"modulate">): void {
    const { graph } = this;
    const W = x.shape.at(-1) as number;
    const [one, nothing] = [1, 0].map((value) => this.#numbers(new Float32Array(W).fill(value), W)) as [Value, Value];
    const unit = this.layers.norm(this.places(x), nothing, one);
    const scaled = graph.add("Mul", [unit, this.#modulation(modulation, W, at + 1)]);
    this.#made(y, graph.add("Add", [scaled, this.#modulation(modulation, W, at)]));
  }

  gate({ in: { x, branch, modulation }, out: { y }, attributes: { at } }: OpOf<"gate">): void {
    const { graph } = this;
    const W = x.shape.at(-1) as number;
    const gated = graph.add("Mul", [this.places(branch), this.#modulation(modulation, W, at)]);
    this.#made(y, graph.add("Add", [this.places(x), gated]));
  }

  rms({ in: { x }, out: { y }, attributes: { parts } }: OpOf<"rms">): void {
    const { graph } = this;
    if (parts.length === 1) {
      this.#madeRows(y, this.layers.rms(this.rows(x), parts[0] as number));
      return;
    }
    const split = graph.split("Split", [this.rows(x), graph.integers(...parts)], parts.length, { axis: 1 });
    const units = split.map((part, i) => this.layers.rms(part, parts[i] as number));
    this.#madeRows(y, graph.add("Concat", units, { axis: 1 }));
  }

  // Keys and values are never made: what maps latents to a head's keys is applied to its queries instead, and what maps them to its values
  // to their weighted sum (DeepSeek-V2's absorption).
  //
  // The sink is looked at from the chunk's first tick. So of a chunk of several ticks a query's rotary part is there twice, turned as the
  // one wants it and as the other, and a key has zeros in one of the two places. One number more says what is hidden.
  attend({ in: { query, own, past, ages }, out: { y }, weights, attributes }: OpOf<"attend">): void {
    const { graph, layers } = this;
    const { heads: N, turns, sinkAge } = attributes;
    const [W, K] = layers.weight(weights.key).shape as [number, number];
    const [, T, L] = own.shape as [string, number | "T", number];
    const [D, R] = [W / N, 6 * turns.length];
    const isChunk = T === "T";
    const [pages] = past;
    const twice = isChunk && pages !== undefined;
    const perHead = (name: string) => this.layers.constant({ data: layers.weight(name).data, shape: [N, D, K] });
    const swapped = (x: Value, ...perm: readonly number[]) => graph.add("Transpose", [x], { perm });
    /** [N, rows, size], heads first -> [B, N, tokens of a session, size]. */
    const bySession = (x: Value, size: number) =>
      swapped(
        isChunk ? graph.add("Reshape", [x, this.#shape([N, "B", -1, size])]) : graph.reshape(x, N, -1, L, size),
        1,
        0,
        2,
        3,
      );
    const here = this.#chunkTurns(isChunk, L, turns, (tick) => tick);

    const all = this.as(query, -1, N, D + R);
    const { data } = layers.weight(weights.scale);
    const scale = layers.constant({ data: data.map((x) => x / (D + R)), shape: [N, 1] });
    const unit = graph.add("Mul", [layers.rms(all, D + R), scale]);
    const [q, qRotary] = graph.split("Split", [unit, graph.integers(D, R)], 2, { axis: 2 }) as [Value, Value];
    const absorbed = bySession(graph.add("FusedMatMul", [swapped(q, 1, 0, 2), perHead(weights.key)]), K); // [B, N, T L, K]
    const rotary = bySession(swapped(qRotary, 1, 0, 2), R);
    const rotated = [this.#turned(rotary, here, R, 3)];
    if (twice)
      rotated.push(
        this.#turned(
          rotary,
          this.#chunkTurns(isChunk, L, turns, () => 0),
          R,
          3,
        ),
      );
    let parts = [absorbed, ...rotated];
    if (pages !== undefined) {
      const one = graph.add("Add", [
        graph.add("Mul", [this.#column(absorbed, 3), this.#numbers([0], 1)]),
        this.#numbers([1], 1),
      ]);
      parts = [...parts, one];
    }
    const length = K + rotated.length * R + (pages === undefined ? 0 : 1);
    const joined = graph.add("Concat", parts, { axis: 3 });
    const flat = isChunk
      ? graph.add("Reshape", [joined, this.#shape(["B", -1, length])])
      : graph.reshape(joined, -1, N * L, length);

    const bySessionRows = (tensor: Tensor, size: number) =>
      isChunk ? graph.add("Reshape", [this.rows(tensor), this.#shape(["B", -1, size])]) : this.as(tensor, -1, L, size);
    const made = bySessionRows(own, K + R);
    const [latents, ownRotary] = graph.split("Split", [made, graph.integers(K, R)], 2, { axis: 2 }) as [Value, Value];
    const ownKeys = [latents, this.#turned(ownRotary, here, R, 2)];
    const nothing = (x: Value) => graph.add("Mul", [x, this.#numbers([0], 1)]);
    if (twice) ownKeys.push(nothing(ownRotary));
    if (pages !== undefined) ownKeys.push(nothing(this.#column(ownRotary, 2)));
    let keys = graph.add("Concat", ownKeys, { axis: 2 });
    let values = latents;
    if (pages !== undefined) {
      const S = pages.shape[1] as number;
      const there = this.as(pages, -1, S * L, K + R);
      const [pastLatents, pastRotary] = graph.split("Split", [there, graph.integers(K, R)], 2, { axis: 2 }) as [
        Value,
        Value,
      ];
      const aged = this.#agedTurns(ages[0] as Tensor, S, L, turns, sinkAge);
      const turned = this.#turned(pastRotary, aged, R, 2);
      const isSink = Float32Array.from({ length: S * L }, (_, row) => Number(row < L));
      const only = (mask: Float32Array) => graph.add("Mul", [turned, this.#numbers(mask, S * L, 1)]);
      const placed = twice ? [only(isSink.map((x) => 1 - x)), only(isSink)] : [turned];
      const pastKeys = graph.add("Concat", [pastLatents, ...placed, aged.hidden], { axis: 2 });
      keys = graph.add("Concat", [pastKeys, keys], { axis: 1 });
      values = graph.add("Concat", [pastLatents, latents], { axis: 1 });
    }
    const scores = graph.add("FusedMatMul", [flat, keys], { transB: 1 }); // [B, N T L, S L + T L]
    const summed = graph.add("MatMul", [graph.add("Softmax", [scores], { axis: -1 }), values]); // [B, N T L, K]
    const byHead = swapped(
      isChunk ? graph.add("Reshape", [summed, this.#shape(["B", N, -1, K])]) : graph.reshape(summed, -1, N, L, K),
      1,
      0,
      2,
      3,
    );
    const mixed = graph.add("FusedMatMul", [graph.reshape(byHead, N, -1, K), perHead(weights.value)], { transB: 1 });
    this.#madeRows(y, graph.reshape(swapped(mixed, 1, 0, 2), -1, W));
  }

  // The first number of the last axis, `axis`, with an axis of its own.
  #column(x: Value, axis: number): Value {
    const { graph } = this;
    return graph.add("Slice", [x, graph.integers(0), graph.integers(1), graph.integers(axis)]);
  }

  // What turns the chunk's own tokens, `[T L, R]`, those of tick k being at `time(k)`.
  #chunkTurns(isChunk: boolean, L: number, turns: readonly number[], time: (tick: number) => number) {
    const size = L * 6 * turns.length;
    const most = isChunk ? MOST_TICKS : 1;
    const [cos, sin] = [new Float32Array(most * size), new Float32Array(most * size)];
    for (let k = 0; k < most; k++) {
      writeTurns(cos.subarray(k * size, (k + 1) * size), sin.subarray(k * size, (k + 1) * size), turns, time(k));
    }
    const table = (data: Float32Array) => {
      const whole = this.#numbers(data, most * L, 6 * turns.length);
      return isChunk ? this.#firstRows(whole, L) : whole;
    };
    return { cos: table(cos), sin: table(sin) };
  }

  // What turns the tokens of each slot's page, `[B, S L, R]`, and what is added to their scores, `[B, S L, 1]`, by age.
  #agedTurns(ages: Tensor, S: number, L: number, turns: readonly number[], sinkAge: number) {
    const { graph } = this;
    const R = 6 * turns.length;
    const [cos, sin] = [new Float32Array((sinkAge + 1) * L * R), new Float32Array((sinkAge + 1) * L * R)];
    for (let age = 0; age <= sinkAge; age++) {
      writeTurns(
        cos.subarray(age * L * R, (age + 1) * L * R),
        sin.subarray(age * L * R, (age + 1) * L * R),
        turns,
        -age,
      );
    }
    const hidden = Float32Array.from({ length: (sinkAge + 1) * L }, (_, i) => (i < L ? HIDDEN : 0));
    const index = this.whole(ages);
    const of = (table: Float32Array, size: number) => {
      const found = graph.add("Gather", [this.#numbers(table, sinkAge + 1, L * size), index], { axis: 0 });
      return graph.reshape(found, -1, S * L, size);
    };
    return { cos: of(cos, R), sin: of(sin, R), hidden: of(hidden, 1) };
  }

  // Rotary parts, the last axis, `axis`, of R, the pairs of which lie half apart, turned.
  #turned(x: Value, { cos, sin }: { readonly cos: Value; readonly sin: Value }, R: number, axis: number): Value {
    const { graph } = this;
    const [a, b] = graph.split("Split", [x, graph.integers(R / 2, R / 2)], 2, { axis }) as [Value, Value];
    const swapped = graph.add("Concat", [b, a], { axis });
    return graph.add("Add", [graph.add("Mul", [x, cos]), graph.add("Mul", [swapped, sin])]);
  }

  // The first T times `each` rows of a table.
  #firstRows(table: Value, each: number): Value {
    const { graph } = this;
    const name = `T * ${each}`;
    const count = this.#sizes.get(name) ?? graph.add("Mul", [this.#sizes.get("T") as Value, graph.integers(each)]);
    this.#sizes.set(name, count);
    return graph.add("Slice", [table, graph.integers(0), count, graph.integers(0)]);
  }

  deltaRead({ in: { x, state }, out: { y }, attributes: { heads: N } }: OpOf<"deltaRead">): void {
    const { graph, layers } = this;
    const D = state.shape.at(-1) as number;
    const [q, , , gate] = this.#memoryParts(x, N * D);
    const unit = this.#unit(`${x.id}.query`, q as Value, N, D);
    const [, T] = x.shape;
    const bySession = graph.add(
      "Transpose",
      [
        T === "T"
          ? graph.add("Reshape", [unit, this.#shape(["B", -1, N, D])])
          : graph.reshape(unit, -1, x.shape[2] as number, N, D),
      ],
      { perm: [0, 2, 1, 3] },
    );
    const shown = layers.rms(graph.add("FusedMatMul", [bySession, this.whole(state)]), D); // [B, N, T L, D]
    const seen = graph.reshape(graph.add("Transpose", [shown], { perm: [0, 2, 1, 3] }), -1, N * D);
    this.#madeRows(y, graph.add("Mul", [seen, layers.silu(gate as Value)]));
  }

  deltaWrite({ in: { x, rates, state }, out: { y }, weights, attributes: { heads: N } }: OpOf<"deltaWrite">): void {
    const { graph, layers } = this;
    const [L, D] = [x.shape[2] as number, state.shape.at(-1) as number];
    const [q, k, v] = this.#memoryParts(x, N * D) as [Value, Value, Value, Value];
    const split = graph.split("Split", [this.as(rates, -1, L, 2 * N), graph.integers(N, N)], 2, { axis: 2 });
    const [write, forget] = split as [Value, Value];
    const rate = this.#numbers(
      layers.weight(weights.decay).data.map((value) => -Math.exp(value)),
      1,
      N,
    );
    const forgotten = graph.reshape(this.#wholePackets("Softplus", this.#meanOf(forget, L), N), -1, 1, N);
    const once = Float32Array.from({ length: L }, (_, row) => Number(row === 0)); // a tick forgets once
    const decay = graph.add("Mul", [graph.add("Mul", [forgotten, rate]), this.#numbers(once, L, 1)]);
    const tokens = (value: Value) => graph.reshape(value, -1, L, N * D);
    const [query, key] = [this.#unit(`${x.id}.query`, q, N, D), this.#unit(`${x.id}.key`, k, N, D)];
    const inputs = [tokens(query), tokens(key), tokens(v), this.whole(state), decay, graph.add("Sigmoid", [write])];
    const attributes = { q_num_heads: N, kv_num_heads: N, update_rule: "gated_delta" };
    this.#made(y, graph.split("LinearAttention", inputs, 2, attributes)[1] as Value);
  }

  #memoryParts(x: Tensor, W: number): readonly Value[] {
    const name = `${x.id}.memory`;
    const parts =
      this.#parts.get(name) ??
      this.graph.split("Split", [this.rows(x), this.graph.integers(W, W, W, W)], 4, { axis: 1 });
    this.#parts.set(name, parts);
    return parts;
  }

  // Of unit length by head, [rows, N, D].
  #unit(name: string, x: Value, N: number, D: number): Value {
    const [made] = this.#parts.get(name) ?? [this.layers.rms(this.graph.reshape(x, -1, N, D), D, D ** -0.5)];
    this.#parts.set(name, [made as Value]);
    return made as Value;
  }

  feedForward({ in: { x, expert }, out: { y }, weights }: OpOf<"feedForward">): void {
    const { graph, layers } = this;
    const W = x.shape.at(-1) as number;
    const rows = this.rows(x);
    const experts = weights.up.map((up, e) => (on: Graph) => {
      const inside = new Layers(on, layers.weights, layers.precision);
      const of = (names: readonly string[]) => layers.weight(names[e] as string);
      const hidden = on.add("FastGelu", [inside.matmul(rows, layers.weight(up)), inside.constant(of(weights.upBias))]);
      return inside.matmul(hidden, of(weights.down), inside.constant(of(weights.downBias)));
    });
    const chosen = this.#sizes.get("expert") ?? graph.add("Cast", [this.whole(expert)], { to: 7 });
    this.#sizes.set("expert", chosen);
    this.#madeRows(y, graph.choose(chosen, experts, rows, ["rows", W]));
  }

  softPool({ in: { x, maps }, out: { y }, attributes: { rowFirst } }: OpOf<"softPool">): void {
    const { graph } = this;
    const [P] = x.shape.slice(-2) as [number];
    const side = Math.sqrt(P);
    const line = (i: number) => (side === 1 ? -1 : -1 + (2 * i) / (side - 1));
    const grid = Array.from({ length: P }, (_, p) => {
      const where = [line(Math.floor(p / side)), line(p % side)];
      return rowFirst ? where : where.reverse();
    });
    const turned = graph.add("Transpose", [this.places(maps)], { perm: [0, 2, 1] });
    const weights = graph.add("Softmax", [turned], { axis: -1 });
    const seen = [
      graph.add("MatMul", [weights, this.places(x)]),
      graph.add("MatMul", [weights, this.#numbers(grid.flat(), P, 2)]),
    ];
    this.#made(y, graph.add("Concat", seen, { axis: 2 }));
  }

  mean({ in: { x }, out: { y } }: OpOf<"mean">): void {
    this.#made(y, this.#meanOf(this.places(x), x.shape.at(-2) as number));
  }

  // x [rows, P, F] -> its mean over P, [rows, 1, F]. What ORT reduces it sums up in another order where there is one row.
  #meanOf(x: Value, P: number): Value {
    return this.graph.add("MatMul", [this.#numbers(new Float32Array(P).fill(1 / P), 1, P), x]);
  }

  conv({ in: { x, plus, onto }, out: { y }, weights, attributes }: OpOf<"conv">): void {
    const { graph, layers } = this;
    const { stride, rectified, activation } = attributes;
    const parts = x.map((part) => this.ordered(part));
    const joined =
      parts.length === 1
        ? (parts[0] as Planes).value
        : graph.add(
            "Concat",
            parts.map(({ value }) => value),
            { axis: 1 },
          );
    const sizes = x.map(({ shape }) => shape.at(-1) as number);
    const order = parts.flatMap(({ order }, i) => {
      const before = sizes.slice(0, i).reduce((sum, size) => sum + size, 0);
      return Array.from({ length: sizes[i] as number }, (_, channel) => before + (order?.[channel] ?? channel));
    });
    const read = rectified ? graph.add("Relu", [joined]) : joined;
    const name = weights.weight.replace(/\.weight$/, "");
    const made = layers.conv(read, name, { stride, order: (channel) => order[channel] as number });
    const added = (values: Value, others: readonly Tensor[]) =>
      others.reduce((sum, other) => graph.add("Add", [sum, this.planes(other)]), values);
    this.#madePlanes(y, { value: added(this.#activated(added(made, plus), activation, 1), onto) });
  }

  shuffle({ in: { x }, out: { y }, attributes: { up } }: OpOf<"shuffle">): void {
    const { graph } = this;
    if (up) {
      this.#madePlanes(y, { value: graph.add("DepthToSpace", [this.planes(x)], { blocksize: 2, mode: "CRD" }) });
      return;
    }
    // It puts all channels of a pixel side by side, and not the four pixels of a channel.
    const channels = x.shape.at(-1) as number;
    const order = Array.from({ length: 4 * channels }, (_, i) => (i % channels) * 4 + Math.floor(i / channels));
    this.#madePlanes(y, { value: graph.add("SpaceToDepth", [this.planes(x)], { blocksize: 2 }), order });
  }

  pool({ in: { x }, out: { y }, attributes: { size } }: OpOf<"pool">): void {
    const attributes = { kernel_shape: [size, size], strides: [size, size] };
    this.#madePlanes(y, { value: this.graph.add("AveragePool", [this.planes(x)], attributes) });
  }

  lattice({ in: { points }, out: { y }, attributes: { size } }: OpOf<"lattice">): void {
    const count = (points.shape.at(-1) as number) / 2;
    const line = Float32Array.from({ length: size }, (_, i) => ((i + 0.5) * 2) / size - 1);
    this.#made(y, this.graph.add("Sub", [this.#numbers(line, size, 1), this.as(points, -1, 2, 1, count)]));
  }

  slice({ in: { x }, out: { y }, attributes: { axis, from, to } }: OpOf<"slice">): void {
    const { graph } = this;
    this.#made(y, graph.add("Slice", [this.whole(x), ...[from, to, axis].map((i) => graph.integers(i))]));
  }

  stack({ in: { x }, out: { y } }: OpOf<"stack">): void {
    const [, s, height, width, channels] = x.shape as [string, number, number, number, number];
    this.#madePlanes(y, { value: this.graph.reshape(this.planes(x), -1, s * channels, height, width) });
  }

  // `first`, as often as there are frames in `made`.
  #repeated(first: Tensor, made: Tensor): Value {
    const times = (made.shape.at(-1) as number) / (first.shape.at(-1) as number);
    const name = `${first.id}.${times}`;
    const [known] = this.#parts.get(name) ?? [
      this.graph.add("Concat", new Array<Value>(times).fill(this.planes(first)), { axis: 1 }),
    ];
    this.#parts.set(name, [known as Value]);
    return known as Value;
  }

  apart({ in: { made, first }, out: { y } }: OpOf<"apart">): void {
    this.#madePlanes(y, {
      value: this.graph.add("Abs", [this.graph.add("Sub", [this.#repeated(first, made), this.planes(made)])]),
    });
  }

  blend({ in: { made, first, kept }, out: { y } }: OpOf<"blend">): void {
    const { graph } = this;
    const [, height, width, s] = kept.shape as [string, number, number, number];
    const off = graph.add("Sub", [this.#repeated(first, made), this.planes(made)]);
    const share = graph.reshape(graph.add("Sigmoid", [this.planes(kept)]), -1, s, 1, height, width);
    const change = graph.add("Mul", [graph.reshape(off, -1, s, 3, height, width), share]);
    this.#madePlanes(y, {
      value: graph.add("Add", [this.planes(made), graph.reshape(change, -1, 3 * s, height, width)]),
    });
  }

  fromPixels({ in: { x }, out: { y } }: OpOf<"fromPixels">): void {
    const { graph } = this;
    const [, s, height, width] = x.shape as [string, number, number, number];
    const bytes = graph.add("Transpose", [graph.add("Cast", [this.whole(x)], { to: 1 })], { perm: [0, 1, 4, 2, 3] });
    const scaled = graph.add("Sub", [graph.add("Div", [bytes, this.#numbers([127.5], 1)]), this.#numbers([1], 1)]);
    this.#madePlanes(y, { value: graph.reshape(scaled, -1, 3 * s, height, width) });
  }

  toPixels({ in: { x }, out: { y } }: OpOf<"toPixels">): void {
    const { graph } = this;
    const [, s, height, width] = y.shape as [string, number, number, number];
    const scalar = (value: number) => this.#numbers([value]);
    const bytes = graph.add("Mul", [graph.add("Add", [this.planes(x), scalar(1)]), scalar(127.5)]);
    const kept = graph.add("Clip", [graph.add("Round", [bytes]), scalar(0), scalar(255)]);
    const frames = graph.reshape(graph.add("Cast", [kept], { to: 2 }), -1, s, 3, height, width);
    this.#made(y, graph.add("Transpose", [frames], { perm: [0, 1, 3, 4, 2] }));
  }

  mahalanobis({ in: { x }, out: { y }, weights }: OpOf<"mahalanobis">): void {
    const { graph } = this;
    const off = graph.add("Sub", [this.places(x), this.#weight(weights.mean)]);
    const along = graph.add("MatMul", [off, this.#weight(weights.axes)]);
    const [n, d] = x.shape.slice(-2) as [number, number];
    const squares = graph.reshape(graph.add("Mul", [along, along]), -1, n * d, 1);
    this.#made(y, this.#wholePackets("Log", this.#meanOf(squares, n * d), 1));
  }

  rank({ in: { x }, out: { y }, weights }: OpOf<"rank">): void {
    const { graph, layers } = this;
    const [scale, levels] = [layers.weight(weights.scale), layers.weight(weights.levels)];
    const [n, last] = [scale.shape[0] as number, levels.data.length - 1];
    const of = (column: number) =>
      this.#numbers(
        Array.from({ length: n }, (_, i) => scale.data[2 * i + column] as number),
        1,
        n,
      );
    const numbers = graph.add(
      "Concat",
      x.map((part) => this.rows(part)),
      { axis: 1 },
    );
    const each = graph.add("Div", [graph.add("Sub", [numbers, of(0)]), of(1)]);
    const strange = graph.add("ReduceMax", [each, graph.integers(1)]); // [rows, 1]
    const below = graph.add("Less", [this.#numbers(levels.data, 1, last + 1), strange]);
    const count = graph.add("ReduceSum", [graph.add("Cast", [below], { to: 1 }), graph.integers(1)]);
    const clipped = graph.add("Clip", [count, this.#numbers([1]), this.#numbers([last])]);
    const above = graph.add("Cast", [clipped], { to: 7 });
    const level = (index: Value) => graph.add("Gather", [this.#numbers(levels.data, last + 1), index], { axis: 0 });
    const [high, low] = [level(above), level(graph.add("Sub", [above, graph.integers(1)]))];
    const share = graph.add("Div", [graph.add("Sub", [strange, low]), graph.add("Sub", [high, low])]);
    const place = graph.add("Add", [graph.add("Sub", [clipped, this.#numbers([1], 1)]), share]);
    const found = graph.add("Div", [place, this.#numbers([last], 1)]);
    this.#madeRows(y, graph.add("Clip", [found, this.#numbers([0]), this.#numbers([1])]));
  }

  table({ out: { y }, weights, attributes: { shape, byTick } }: OpOf<"table">): void {
    const { data } = this.layers.weight(weights.table);
    if (byTick) {
      const row = shape.reduce((product, size) => product * size, 1);
      const table = this.#numbers(data, data.length / row, row);
      this.#made(y, this.#firstRows(table, 1));
      return;
    }
    const value = this.#numbers(data, 1, ...shape);
    const known: Known = { flat: value, shaped: new Map([[String([1, ...shape]), value]]) };
    if (shape.length === 3) {
      const [height, width, channels] = shape as [number, number, number];
      const area = height * width;
      const turned = Float32Array.from(data, (_, i) => data[(i % area) * channels + Math.floor(i / area)] as number);
      known.planes = { value: this.#numbers(turned, 1, channels, height, width) };
    }
    this.#known.set(y.id, known);
  }
}

/** Ticks of a chunk, at most: for how many there are angles. */
const MOST_TICKS = 64;

function columnsOf({ data, shape }: Weight, columns: readonly (readonly [from: number, count: number])[]): Weight {
  const [to, size] = shape as [number, number];
  const count = columns.reduce((sum, [, n]) => sum + n, 0);
  if (count === size) return { data, shape };
  const kept = new Float32Array(to * count);
  let at = 0;
  for (let row = 0; row < to; row++) {
    for (const [from, n] of columns) {
      kept.set(data.subarray(row * size + from, row * size + from + n), at);
      at += n;
    }
  }
  return { data: kept, shape: [to, count] };
}
