// Numbers beside their sines and cosines in waves of several lengths (Tancik et al., 2020, "Fourier features").
import { WAVES } from "../world-tensors.js";
import type { Value } from "./graph.js";
import type { Layers } from "./layers.js";

/** x `[T, n]` -> x, the sines, the cosines, `[T, n (1 + 2 waves)]`; both by wave and then by number. */
export function waves(layers: Layers, x: Value, T: number, n: number): Value {
  const { graph } = layers;
  const lengths = layers.constant({ data: Float32Array.from(WAVES), shape: [WAVES.length, 1] });
  const angles = graph.reshape(graph.add("Mul", [graph.reshape(x, T, 1, n), lengths]), T, WAVES.length * n);
  return graph.add("Concat", [x, graph.add("Sin", [angles]), graph.add("Cos", [angles])], { axis: 1 });
}
