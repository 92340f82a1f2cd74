import { at, dense, placeIn } from "../../dense.js";
import type { Reference } from "../../reference-op.js";
import type { Subtract } from "./op.js";

export const subtractReference: Reference<Subtract> = ({ in: inputs, out, attributes }, values) => {
  const [a, b, y] = [values.read(inputs.a), values.read(inputs.b), dense(values.shape(out.y))];
  for (let i = 0; i < y.data.length; i++) {
    y.data[i] = attributes.factor * (at(a, placeIn(a.shape, y.shape, i)) - at(b, placeIn(b.shape, y.shape, i)));
  }
  return { y };
};
