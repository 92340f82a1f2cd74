import { at, dense, rowsOf } from "../../dense.js";
import type { Reference } from "../../reference-op.js";
import type { Fourier } from "./op.js";

export const fourierReference: Reference<Fourier> = ({ in: inputs, out, attributes: { rates } }, values) => {
  const [x, y] = [values.read(inputs.x), dense(values.shape(out.y))];
  const [rows, n] = rowsOf(x);
  for (let r = 0; r < rows; r++) {
    for (let i = 0; i < n; i++) {
      const value = at(x, r * n + i);
      const first = r * n * (1 + 2 * rates.length) + i;
      y.data[first] = value;
      for (const [k, rate] of rates.entries()) {
        y.data[first + n * (1 + k)] = Math.sin(rate * value);
        y.data[first + n * (1 + rates.length + k)] = Math.cos(rate * value);
      }
    }
  }
  return { y };
};
