// Stacks the observations of several envs along a new first axis.
import type { Observation, Tensor } from "@worldstep/protocols";

const ARRAYS = { uint8: Uint8Array, int32: Int32Array, float32: Float32Array } as const;

/** Every tensor that all `rows` have, each of shape `[...]`, as one of shape `[N, ...]`. */
export function batch(rows: readonly Observation[]): Observation {
  const keys = Object.keys(rows[0] ?? {}).filter((key) => rows.every((row) => Object.hasOwn(row, key)));
  const stacked = keys.map((key) => [key, stack(rows.map((row) => row[key] as Tensor))]);
  return Object.fromEntries(stacked) as Observation;
}

function stack(tensors: readonly Tensor[]): Tensor {
  const { dtype, shape, data } = tensors[0] as Tensor;
  const stacked = new ARRAYS[dtype](data.length * tensors.length);
  for (const [i, tensor] of tensors.entries()) stacked.set(tensor.data, i * data.length);
  return { dtype, shape: [tensors.length, ...shape], data: stacked };
}
