// Fourier features: numbers beside their sines and cosines at several frequencies. `fourier` of training/fourier.py.
import type { Value } from "./graph.js";
import type { Layers } from "./layers.js";

/** x `[T, n]` -> x, the sines, the cosines, `[T, n (1 + 2 frequencies)]`; both by frequency and then by number. */
export function fourier(layers: Layers, x: Value, n: number, frequencies: readonly number[]): Value {
  const { graph } = layers;
  const factors = layers.constant({ data: Float32Array.from(frequencies), shape: [frequencies.length, 1] });
  const angles = graph.reshape(graph.add("Mul", [graph.reshape(x, -1, 1, n), factors]), -1, frequencies.length * n);
  return graph.add("Concat", [x, graph.add("Sin", [angles]), graph.add("Cos", [angles])], { axis: 1 });
}
