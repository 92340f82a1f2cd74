// What is done to rows of numbers, as nodes of a graph.
import type { OpOf, Tensor } from "@worldstep/kernels";
import type { Weight } from "../../world/safetensors.js";
import type { Graph, Value } from "./graph.js";
import { Layers } from "./layers.js";
import type { Lowering } from "./lowering.js";

export function linear(on: Lowering, { in: { x, plus, onto }, out: { y }, weights, attributes }: OpOf<"linear">): void {
  const { graph } = on;
  const weight = on.layers.weight(weights.weight);
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
    const values = parts.map((part) => on.rows(part));
    const joined = values.length === 1 ? (values[0] as Value) : graph.add("Concat", values, { axis: 1 });
    const columns = parts.map((part) => [starts.get(part) as number, part.shape.at(-1) as number] as const);
    const plain = on.layers.matmul(joined, columnsOf(weight, columns), first && bias ? on.weight(bias) : undefined);
    first = false;
    const shape = [...(parts[0] as Tensor).shape.slice(0, -1), weight.shape[0] as number];
    return { shape, value: plain };
  });
  const sum = on.sum(y.shape, [...made, ...plus.map((tensor) => ({ shape: tensor.shape, tensor }))]);
  const active = on.activated(sum, attributes.activation, weight.shape[0] as number);
  const onTop = onto.map((tensor) => ({ shape: tensor.shape, tensor }));
  on.madeRows(y, onto.length === 0 ? active : on.sum(y.shape, [{ shape: y.shape, value: active }, ...onTop]));
}

export function add(on: Lowering, { in: { x }, out: { y }, attributes }: OpOf<"add">): void {
  if (x.some((part) => on.isPicture(part))) {
    const sum = x.map((part) => on.planes(part)).reduce((a, b) => on.graph.add("Add", [a, b]));
    on.madePlanes(y, { value: on.activated(sum, attributes.activation, 1) });
    return;
  }
  const sum = on.sum(
    y.shape,
    x.map((tensor) => ({ shape: tensor.shape, tensor })),
  );
  on.madeRows(y, on.activated(sum, attributes.activation, y.shape.at(-1) as number));
}

export function subtract(on: Lowering, { in: { a, b }, out: { y }, attributes: { factor } }: OpOf<"subtract">): void {
  const isPicture = on.isPicture(a);
  const of = (tensor: Tensor) => (isPicture ? on.planes(tensor) : on.rows(tensor));
  const off = on.graph.add("Sub", [of(a), of(b)]);
  const value = factor === 1 ? off : on.graph.add("Mul", [off, on.numbers([factor], 1)]);
  if (isPicture) on.madePlanes(y, { value });
  else on.madeRows(y, value);
}

export function fourier(on: Lowering, { in: { x }, out: { y }, attributes: { rates } }: OpOf<"fourier">): void {
  const { graph } = on;
  const n = x.shape.at(-1) as number;
  const turns = graph.add("Mul", [on.as(x, -1, 1, n), on.numbers(rates, rates.length, 1)]);
  const angles = graph.reshape(turns, -1, rates.length * n);
  const pairs = (["Sin", "Cos"] as const).map((kind) => on.wholePackets(kind, angles, rates.length * n));
  on.madeRows(y, graph.add("Concat", [on.rows(x), ...pairs], { axis: 1 }));
}

export function sinusoid(
  on: Lowering,
  { in: { levels }, out: { y }, attributes: { size, radians } }: OpOf<"sinusoid">,
): void {
  const { graph } = on;
  const half = size / 2;
  const rates = Float32Array.from({ length: half }, (_, i) => radians ** (i / (half - 1)));
  const angles = graph.add("Mul", [on.as(levels, -1, 1), on.numbers(rates, 1, half)]);
  const pairs = graph.add("Concat", [on.wholePackets("Sin", angles, half), on.wholePackets("Cos", angles, half)], {
    axis: 1,
  });
  on.made(y, pairs);
}

export function views(
  on: Lowering,
  { in: { x }, out: { y }, weights: { units }, attributes: { orders, isDifference } }: OpOf<"views">,
): void {
  const { graph } = on;
  let value = on.rows(x);
  for (const unit of units) {
    value = graph.add("Mul", [value, on.rowOf(unit, 0)]);
    if (!isDifference) value = graph.add("Add", [value, on.rowOf(unit, 1)]);
  }
  on.made(y, graph.add("Gather", [value, graph.integers(...orders.flat())], { axis: 1 }));
}

export function mergeViews(
  on: Lowering,
  { in: { x }, out: { y }, weights: { units }, attributes }: OpOf<"mergeViews">,
): void {
  const { graph } = on;
  const { orders, shared } = attributes;
  const [N, said] = x.shape.slice(-2) as [number, number];
  const own = said - shared;
  const all = on.as(x, -1, N, said);
  const sizes = graph.integers(shared, own);
  const [nobodys, things] = own === 0 ? [all] : graph.split("Split", [all, sizes], 2, { axis: 2 });
  const mean = graph.add("ReduceMean", [nobodys as Value, graph.integers(1)], { keepdims: 0 });
  const parts = things === undefined ? [mean] : [mean, graph.reshape(things, -1, N * own)];
  const joined = parts.length === 1 ? mean : graph.add("Concat", parts, { axis: 1 });
  const places = orders.flatMap((order, n) => order.slice(n === 0 ? 0 : shared, said));
  const index = graph.integers(...places.map((_, i) => places.indexOf(i)));
  let value = graph.add("Gather", [joined, index], { axis: 1 });
  for (const unit of units) value = graph.add("Div", [value, on.rowOf(unit, 0)]);
  on.madeRows(y, value);
}

export function settle(
  on: Lowering,
  { in: { state, change }, out: { y }, weights, attributes: { least } }: OpOf<"settle">,
): void {
  const { graph } = on;
  let value = graph.add("Add", [on.rows(state), on.layers.shrink(on.rows(change), least)]);
  for (const range of weights.range) {
    value = graph.add("Max", [value, on.rowOf(range, 0)]);
    value = graph.add("Min", [value, on.rowOf(range, 1)]);
  }
  on.madeRows(y, value);
}

export function between(on: Lowering, { in: { a, b }, out: { y }, attributes: { steps } }: OpOf<"between">): void {
  const { graph } = on;
  const Q = a.shape.at(-1) as number;
  const [from, to] = [on.as(a, -1, 1, Q), on.as(b, -1, 1, Q)];
  const share = on.numbers(
    Array.from({ length: steps }, (_, i) => (i + 1) / steps),
    steps,
    1,
  );
  on.made(y, graph.add("Add", [from, graph.add("Mul", [graph.add("Sub", [to, from]), share])]));
}

// Parts of a modulation, [ticks, 1, W] each.
function partOf(on: Lowering, modulation: Tensor, W: number, at: number): Value {
  const size = modulation.shape.at(-1) as number;
  const name = `${modulation.id}.${W}`;
  const count = size / W;
  return on.once(name, () =>
    on.graph.split(
      "Split",
      [on.as(modulation, -1, 1, size), on.graph.integers(...new Array<number>(count).fill(W))],
      count,
      { axis: 2 },
    ),
  )[at] as Value;
}

export function modulate(
  on: Lowering,
  { in: { x, modulation }, out: { y }, attributes: { at } }: OpOf<"modulate">,
): void {
  const { graph } = on;
  const W = x.shape.at(-1) as number;
  const [one, nothing] = [1, 0].map((value) => on.numbers(new Float32Array(W).fill(value), W)) as [Value, Value];
  const unit = on.layers.norm(on.places(x), nothing, one);
  const scaled = graph.add("Mul", [unit, partOf(on, modulation, W, at + 1)]);
  on.made(y, graph.add("Add", [scaled, partOf(on, modulation, W, at)]));
}

export function gate(
  on: Lowering,
  { in: { x, branch, modulation }, out: { y }, attributes: { at } }: OpOf<"gate">,
): void {
  const { graph } = on;
  const W = x.shape.at(-1) as number;
  const gated = graph.add("Mul", [on.places(branch), partOf(on, modulation, W, at)]);
  on.made(y, graph.add("Add", [on.places(x), gated]));
}

export function rms(on: Lowering, { in: { x }, out: { y }, attributes: { parts } }: OpOf<"rms">): void {
  const { graph } = on;
  if (parts.length === 1) {
    on.madeRows(y, on.layers.rms(on.rows(x), parts[0] as number));
    return;
  }
  const split = graph.split("Split", [on.rows(x), graph.integers(...parts)], parts.length, { axis: 1 });
  const units = split.map((part, i) => on.layers.rms(part, parts[i] as number));
  on.madeRows(y, graph.add("Concat", units, { axis: 1 }));
}

export function feedForward(on: Lowering, { in: { x, expert }, out: { y }, weights }: OpOf<"feedForward">): void {
  const { graph, layers } = on;
  const W = x.shape.at(-1) as number;
  const rows = on.rows(x);
  const experts = weights.up.map((up, e) => (on: Graph) => {
    const inside = new Layers(on, layers.weights, layers.precision);
    const of = (names: readonly string[]) => layers.weight(names[e] as string);
    const hidden = on.add("FastGelu", [inside.matmul(rows, layers.weight(up)), inside.constant(of(weights.upBias))]);
    return inside.matmul(hidden, of(weights.down), inside.constant(of(weights.downBias)));
  });
  const [chosen] = on.once("expert", () => [graph.add("Cast", [on.whole(expert)], { to: 7 })]) as [Value];
  on.madeRows(y, graph.choose(chosen, experts, rows, ["rows", W]));
}

export function softPool(
  on: Lowering,
  { in: { x, maps }, out: { y }, attributes: { rowFirst } }: OpOf<"softPool">,
): void {
  const { graph } = on;
  const [P] = x.shape.slice(-2) as [number];
  const side = Math.sqrt(P);
  const line = (i: number) => (side === 1 ? -1 : -1 + (2 * i) / (side - 1));
  const grid = Array.from({ length: P }, (_, p) => {
    const where = [line(Math.floor(p / side)), line(p % side)];
    return rowFirst ? where : where.reverse();
  });
  const turned = graph.add("Transpose", [on.places(maps)], { perm: [0, 2, 1] });
  const weights = graph.add("Softmax", [turned], { axis: -1 });
  const seen = [
    graph.add("MatMul", [weights, on.places(x)]),
    graph.add("MatMul", [weights, on.numbers(grid.flat(), P, 2)]),
  ];
  on.made(y, graph.add("Concat", seen, { axis: 2 }));
}

export function mean(on: Lowering, { in: { x }, out: { y } }: OpOf<"mean">): void {
  on.made(y, on.meanOf(on.places(x), x.shape.at(-2) as number));
}

export function lattice(on: Lowering, { in: { points }, out: { y }, attributes: { size } }: OpOf<"lattice">): void {
  const count = (points.shape.at(-1) as number) / 2;
  const line = Float32Array.from({ length: size }, (_, i) => ((i + 0.5) * 2) / size - 1);
  on.made(y, on.graph.add("Sub", [on.numbers(line, size, 1), on.as(points, -1, 2, 1, count)]));
}

export function slice(on: Lowering, { in: { x }, out: { y }, attributes: { axis, from, to } }: OpOf<"slice">): void {
  const { graph } = on;
  on.made(y, graph.add("Slice", [on.whole(x), ...[from, to, axis].map((i) => graph.integers(i))]));
}

export function mahalanobis(on: Lowering, { in: { x }, out: { y }, weights }: OpOf<"mahalanobis">): void {
  const { graph } = on;
  const off = graph.add("Sub", [on.places(x), on.weight(weights.mean)]);
  const along = graph.add("MatMul", [off, on.weight(weights.axes)]);
  const [n, d] = x.shape.slice(-2) as [number, number];
  const squares = graph.reshape(graph.add("Mul", [along, along]), -1, n * d, 1);
  on.made(y, on.wholePackets("Log", on.meanOf(squares, n * d), 1));
}

export function rank(on: Lowering, { in: { x }, out: { y }, weights }: OpOf<"rank">): void {
  const { graph, layers } = on;
  const [scale, levels] = [layers.weight(weights.scale), layers.weight(weights.levels)];
  const [n, last] = [scale.shape[0] as number, levels.data.length - 1];
  const of = (column: number) =>
    on.numbers(
      Array.from({ length: n }, (_, i) => scale.data[2 * i + column] as number),
      1,
      n,
    );
  const numbers = graph.add(
    "Concat",
    x.map((part) => on.rows(part)),
    { axis: 1 },
  );
  const each = graph.add("Div", [graph.add("Sub", [numbers, of(0)]), of(1)]);
  const strange = graph.add("ReduceMax", [each, graph.integers(1)]); // [rows, 1]
  const below = graph.add("Less", [on.numbers(levels.data, 1, last + 1), strange]);
  const count = graph.add("ReduceSum", [graph.add("Cast", [below], { to: 1 }), graph.integers(1)]);
  const clipped = graph.add("Clip", [count, on.numbers([1]), on.numbers([last])]);
  const above = graph.add("Cast", [clipped], { to: 7 });
  const level = (index: Value) => graph.add("Gather", [on.numbers(levels.data, last + 1), index], { axis: 0 });
  const [high, low] = [level(above), level(graph.add("Sub", [above, graph.integers(1)]))];
  const share = graph.add("Div", [graph.add("Sub", [strange, low]), graph.add("Sub", [high, low])]);
  const place = graph.add("Add", [graph.add("Sub", [clipped, on.numbers([1], 1)]), share]);
  const found = graph.add("Div", [place, on.numbers([last], 1)]);
  on.madeRows(y, graph.add("Clip", [found, on.numbers([0]), on.numbers([1])]));
}

export function table(on: Lowering, { out: { y }, weights, attributes: { shape, byTick } }: OpOf<"table">): void {
  const { data } = on.layers.weight(weights.table);
  if (byTick) {
    const row = shape.reduce((product, size) => product * size, 1);
    const table = on.numbers(data, data.length / row, row);
    on.made(y, on.firstRows(table, 1));
    return;
  }
  const value = on.numbers(data, 1, ...shape);
  if (shape.length !== 3) {
    on.madeOf(y, value);
    return;
  }
  const [height, width, channels] = shape as [number, number, number];
  const area = height * width;
  const turned = Float32Array.from(data, (_, i) => data[(i % area) * channels + Math.floor(i / area)] as number);
  on.madeOf(y, value, on.numbers(turned, 1, channels, height, width));
}

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
