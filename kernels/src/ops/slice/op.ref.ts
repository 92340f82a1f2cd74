import { at, dense } from "../../dense.js";
import type { Reference } from "../../reference-op.js";
import type { Slice } from "./op.js";

export const sliceReference: Reference<Slice> = ({ in: inputs, out, attributes: { axis, from, to } }, values) => {
  const [x, y] = [values.read(inputs.x), dense(values.shape(out.y))];
  const inner = x.shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const [size, kept] = [(x.shape[axis] as number) * inner, (to - from) * inner];
  return { y: { ...y, data: y.data.map((_, i) => at(x, Math.floor(i / kept) * size + from * inner + (i % kept))) } };
};
