// What is done to pictures, [n, channels, h, w], as nodes of a graph.
import type { OpOf, Tensor } from "@worldstep/kernels";
import type { Value } from "./graph.js";
import type { Lowering, Planes } from "./lowering.js";

export function conv(on: Lowering, { in: { x, plus, onto }, out: { y }, weights, attributes }: OpOf<"conv">): void {
  const { graph, layers } = on;
  const { stride, rectified, activation } = attributes;
  const parts = x.map((part) => on.ordered(part));
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
    others.reduce((sum, other) => graph.add("Add", [sum, on.planes(other)]), values);
  on.madePlanes(y, { value: added(on.activated(added(made, plus), activation, 1), onto) });
}

export function shuffle(on: Lowering, { in: { x }, out: { y }, attributes: { up } }: OpOf<"shuffle">): void {
  const { graph } = on;
  if (up) {
    on.madePlanes(y, { value: graph.add("DepthToSpace", [on.planes(x)], { blocksize: 2, mode: "CRD" }) });
    return;
  }
  // It puts all channels of a pixel side by side, and not the four pixels of a channel.
  const channels = x.shape.at(-1) as number;
  const order = Array.from({ length: 4 * channels }, (_, i) => (i % channels) * 4 + Math.floor(i / channels));
  on.madePlanes(y, { value: graph.add("SpaceToDepth", [on.planes(x)], { blocksize: 2 }), order });
}

export function pool(on: Lowering, { in: { x }, out: { y }, attributes: { size } }: OpOf<"pool">): void {
  const attributes = { kernel_shape: [size, size], strides: [size, size] };
  on.madePlanes(y, { value: on.graph.add("AveragePool", [on.planes(x)], attributes) });
}

export function stack(on: Lowering, { in: { x }, out: { y } }: OpOf<"stack">): void {
  const [, s, height, width, channels] = x.shape as [string, number, number, number, number];
  on.madePlanes(y, { value: on.graph.reshape(on.planes(x), -1, s * channels, height, width) });
}

// `first`, as often as there are frames in `made`.
function repeated(on: Lowering, first: Tensor, made: Tensor): Value {
  const times = (made.shape.at(-1) as number) / (first.shape.at(-1) as number);
  const name = `${first.id}.${times}`;
  return on.once(name, () => [
    on.graph.add("Concat", new Array<Value>(times).fill(on.planes(first)), { axis: 1 }),
  ])[0] as Value;
}

export function apart(on: Lowering, { in: { made, first }, out: { y } }: OpOf<"apart">): void {
  on.madePlanes(y, {
    value: on.graph.add("Abs", [on.graph.add("Sub", [repeated(on, first, made), on.planes(made)])]),
  });
}

export function blend(on: Lowering, { in: { made, first, kept }, out: { y } }: OpOf<"blend">): void {
  const { graph } = on;
  const [, height, width, s] = kept.shape as [string, number, number, number];
  const off = graph.add("Sub", [repeated(on, first, made), on.planes(made)]);
  const share = graph.reshape(graph.add("Sigmoid", [on.planes(kept)]), -1, s, 1, height, width);
  const change = graph.add("Mul", [graph.reshape(off, -1, s, 3, height, width), share]);
  on.madePlanes(y, {
    value: graph.add("Add", [on.planes(made), graph.reshape(change, -1, 3 * s, height, width)]),
  });
}

export function fromPixels(on: Lowering, { in: { x }, out: { y } }: OpOf<"fromPixels">): void {
  const { graph } = on;
  const [, s, height, width] = x.shape as [string, number, number, number];
  const bytes = graph.add("Transpose", [graph.add("Cast", [on.whole(x)], { to: 1 })], { perm: [0, 1, 4, 2, 3] });
  const scaled = graph.add("Sub", [graph.add("Div", [bytes, on.numbers([127.5], 1)]), on.numbers([1], 1)]);
  on.madePlanes(y, { value: graph.reshape(scaled, -1, 3 * s, height, width) });
}

export function toPixels(on: Lowering, { in: { x }, out: { y } }: OpOf<"toPixels">): void {
  const { graph } = on;
  const [, s, height, width] = y.shape as [string, number, number, number];
  const scalar = (value: number) => on.numbers([value]);
  const bytes = graph.add("Mul", [graph.add("Add", [on.planes(x), scalar(1)]), scalar(127.5)]);
  const kept = graph.add("Clip", [graph.add("Round", [bytes]), scalar(0), scalar(255)]);
  const frames = graph.reshape(graph.add("Cast", [kept], { to: 2 }), -1, s, 3, height, width);
  on.made(y, graph.add("Transpose", [frames], { perm: [0, 1, 3, 4, 2] }));
}
