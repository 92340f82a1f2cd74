import { at, dense, rowsOf } from "../../dense.js";
import type { Reference } from "../../reference-op.js";
import type { Modulate } from "./op.js";

export const modulateReference: Reference<Modulate> = ({ in: inputs, attributes }, values) => {
  const [x, modulation] = [values.read(inputs.x), values.read(inputs.modulation)];
  const y = dense(x.shape);
  const [rows, W] = rowsOf(x);
  const [ticks, size] = rowsOf(modulation);
  for (let r = 0; r < rows; r++) {
    const row = x.data.subarray(r * W, (r + 1) * W);
    const mean = row.reduce((sum, value) => sum + value, 0) / W;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / W;
    const shift = Math.floor((r * ticks) / rows) * size + attributes.at * W;
    for (const [i, value] of row.entries()) {
      const unit = (value - mean) / Math.sqrt(variance + 1e-6);
      y.data[r * W + i] = unit * at(modulation, shift + W + i) + at(modulation, shift + i);
    }
  }
  return { y };
};
