// The state renderer, `StateRenderer` of training/tokenizer.py, as nodes: what states and an appearance put on the pictures
// of a tick, drawn from numbers alone.
import { cameraOf, type WorldManifest } from "../world-schema.js";
import { stateSize } from "../world-tensors.js";
import { fourier } from "./fourier.js";
import type { Value } from "./graph.js";
import type { Layers } from "./layers.js";

/**
 * States before a tick and at its end, `[1, Q]` each, and in some worlds the appearance `[1, K]` -> what they put on its s
 * frames of H x H, as the decoder takes them: `[1, 12 s, H / 2, H / 2]`, the four pixels of a place behind one another.
 */
export function rendered(
  layers: Layers,
  before: Value,
  now: Value,
  appearance: Value | undefined,
  world: WorldManifest,
): Value {
  const { graph } = layers;
  const { points, hidden, channels, stateFrequencies, placeFrequencies } = world.tokenizer.renderer;
  const [Q, s, n] = [stateSize(world), world.stride, cameraOf(world).height / 2];
  const share = layers.constant({ data: Float32Array.from({ length: s }, (_, i) => (i + 1) / s), shape: [s, 1] });
  const way = graph.add("Mul", [graph.add("Sub", [now, before]), share]);
  const told = fourier(layers, graph.add("Add", [before, way]), Q, stateFrequencies);
  const moving = layers.linear(told, "renderer.inp");
  const lit =
    appearance === undefined
      ? moving
      : graph.add("Add", [moving, layers.matmul(appearance, layers.weight("renderer.appearance.weight"))]);
  const x = layers.silu(layers.linear(layers.silu(lit), "renderer.hidden"));

  const line = Float32Array.from({ length: n }, (_, i) => ((i + 0.5) * 2) / n - 1);
  const there = graph.reshape(layers.linear(x, "renderer.points"), 2 * s, 1, points);
  const off = graph.add("Sub", [layers.constant({ data: line, shape: [n, 1] }), there]); // [2 s, n, points]
  const size = points * (1 + 2 * placeFrequencies.length);
  const seen = fourier(layers, graph.reshape(off, 2 * s * n, points), points, placeFrequencies);
  const axes = graph.split("Split", [graph.reshape(seen, s, 2, n, size), graph.integers(1, 1)], 2, { axis: 1 });
  const [across, down] = axes.map((axis, i) => {
    const rows = layers.linear(graph.reshape(axis, s * n, size), i === 0 ? "renderer.across" : "renderer.down");
    return i === 0 ? graph.reshape(rows, s, 1, n, hidden) : graph.reshape(rows, s, n, 1, hidden);
  }) as [Value, Value];
  const all = graph.reshape(layers.linear(x, "renderer.told"), s, 1, 1, hidden);
  const place = graph.add("Add", [graph.add("Add", [across, all]), down]);
  const flat = layers.silu(graph.reshape(place, s * n * n, hidden));
  const drawn = layers.linear(layers.silu(layers.linear(flat, "renderer.place")), "renderer.there");
  const planes = graph.add("Transpose", [graph.reshape(drawn, s, n * n, channels)], { perm: [0, 2, 1] });
  return graph.reshape(layers.conv(graph.reshape(planes, s, channels, n, n), "renderer.out"), 1, 12 * s, n, n);
}
