import { at, dense, placeIn, rowsOf } from "../../dense.js";
import type { Reference } from "../../reference-op.js";
import type { Apart } from "./op.js";

export const apartReference: Reference<Apart> = ({ in: inputs }, values) => {
  const [made, first] = [values.read(inputs.made), values.read(inputs.first)];
  const [[, channels], [, colours]] = [rowsOf(made), rowsOf(first)];
  const [y, whole] = [dense(made.shape), made.shape.slice(0, -1)];
  for (let i = 0; i < y.data.length; i++) {
    const place = placeIn(first.shape.slice(0, -1), whole, Math.floor(i / channels));
    y.data[i] = Math.abs(at(first, place * colours + ((i % channels) % colours)) - at(made, i));
  }
  return { y };
};
