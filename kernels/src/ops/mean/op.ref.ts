import { at, dense } from "../../dense.js";
import type { Reference } from "../../reference-op.js";
import type { Mean } from "./op.js";

export const meanReference: Reference<Mean> = ({ in: inputs, out }, values) => {
  const [x, y] = [values.read(inputs.x), dense(values.shape(out.y))];
  const [L, F] = x.shape.slice(-2) as [number, number];
  for (let i = 0; i < x.data.length; i++) {
    const to = Math.floor(i / (L * F)) * F + (i % F);
    y.data[to] = at(y, to) + at(x, i) / L;
  }
  return { y };
};
