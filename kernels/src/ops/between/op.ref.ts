import { at, dense, rowsOf } from "../../dense.js";
import type { Reference } from "../../reference-op.js";
import type { Between } from "./op.js";

export const betweenReference: Reference<Between> = ({ in: inputs, out, attributes: { steps } }, values) => {
  const [a, b, y] = [values.read(inputs.a), values.read(inputs.b), dense(values.shape(out.y))];
  const [, Q] = rowsOf(a);
  for (let i = 0; i < y.data.length; i++) {
    const from = Math.floor(i / (steps * Q)) * Q + (i % Q);
    const share = ((Math.floor(i / Q) % steps) + 1) / steps;
    y.data[i] = at(a, from) + (at(b, from) - at(a, from)) * share;
  }
  return { y };
};
