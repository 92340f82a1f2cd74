import { at, dense, rowsOf } from "../../dense.js";
import type { Reference } from "../../reference-op.js";
import type { Settle } from "./op.js";

export const settleReference: Reference<Settle> = ({ in: inputs, out, weights, attributes }, values) => {
  const [state, change, y] = [values.read(inputs.state), values.read(inputs.change), dense(values.shape(out.y))];
  const ranges = weights.range.map((name) => values.weight(name));
  const [, Q] = rowsOf(y);
  for (let i = 0; i < y.data.length; i++) {
    const moved = at(change, i);
    let value = at(state, i) + (Math.abs(moved) > attributes.least ? moved : 0);
    for (const range of ranges) value = Math.min(at(range, Q + (i % Q)), Math.max(at(range, i % Q), value));
    y.data[i] = value;
  }
  return { y };
};
