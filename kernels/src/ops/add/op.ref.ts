import { at, dense, placeIn } from "../../dense.js";
import type { Reference } from "../../reference-op.js";
import { activate } from "../activation.js";
import type { Add } from "./op.js";

export const addReference: Reference<Add> = ({ in: inputs, out, attributes }, values) => {
  const [x, y] = [inputs.x.map((part) => values.read(part)), dense(values.shape(out.y))];
  const sum = (i: number) => x.reduce((total, part) => total + at(part, placeIn(part.shape, y.shape, i)), 0);
  return { y: { ...y, data: y.data.map((_, i) => activate[attributes.activation](sum(i))) } };
};
