// Numbers beside their sines and cosines in waves of several lengths: `waves` of training/tokenizer.py.
import type { Value } from "./graph.js";
import type { Layers } from "./layers.js";

/** x `[T, n]` -> x, the sines, the cosines, `[T, n (1 + 2 lengths)]`; both by wave and then by number. */
export function waves(layers: Layers, x: Value, n: number, lengths: readonly number[]): Value {
  const { graph } = layers;
  const factors = layers.constant({ data: Float32Array.from(lengths), shape: [lengths.length, 1] });
  const angles = graph.reshape(graph.add("Mul", [graph.reshape(x, -1, 1, n), factors]), -1, lengths.length * n);
  return graph.add("Concat", [x, graph.add("Sin", [angles]), graph.add("Cos", [angles])], { axis: 1 });
}
