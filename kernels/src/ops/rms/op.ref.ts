import { dense, rowsOf } from "../../dense.js";
import type { Reference } from "../../reference-op.js";
import type { Rms } from "./op.js";

/** Numbers with an RMS of 1. */
export function unit(x: Float64Array): Float64Array {
  const scale = 1 / Math.sqrt(x.reduce((sum, value) => sum + value * value, 0) / x.length + 1e-6);
  return x.map((value) => value * scale);
}

export const rmsReference: Reference<Rms> = ({ in: inputs, attributes: { parts } }, values) => {
  const x = values.read(inputs.x);
  const y = dense(x.shape);
  const [rows, n] = rowsOf(x);
  for (let r = 0; r < rows; r++) {
    let from = r * n;
    for (const size of parts) {
      y.data.set(unit(x.data.subarray(from, from + size)), from);
      from += size;
    }
  }
  return { y };
};
