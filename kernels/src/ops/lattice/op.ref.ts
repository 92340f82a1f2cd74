import { at, dense } from "../../dense.js";
import type { Reference } from "../../reference-op.js";
import type { Lattice } from "./op.js";

export const latticeReference: Reference<Lattice> = ({ in: inputs, out, attributes: { size } }, values) => {
  const [points, y] = [values.read(inputs.points), dense(values.shape(out.y))];
  const P = y.shape.at(-1) as number;
  for (let i = 0; i < y.data.length; i++) {
    const middle = (((Math.floor(i / P) % size) + 0.5) * 2) / size - 1;
    y.data[i] = middle - at(points, Math.floor(i / (P * size)) * P + (i % P));
  }
  return { y };
};
