import { at, dense, rowsOf } from "../../dense.js";
import type { Reference } from "../../reference-op.js";
import type { MergeViews } from "./op.js";

export const mergeViewsReference: Reference<MergeViews> = ({ in: inputs, out, weights, attributes }, values) => {
  const [x, y] = [values.read(inputs.x), dense(values.shape(out.y))];
  const units = weights.units.map((name) => values.weight(name));
  const { orders, shared } = attributes;
  const [, said] = rowsOf(x);
  const [rows, Q] = rowsOf(y);
  for (let r = 0; r < rows; r++) {
    for (const [n, order] of orders.entries()) {
      for (let i = 0; i < said; i++) {
        const to = order[i] as number;
        const share = i < shared ? 1 / orders.length : 1;
        const scale = units.reduce((product, unit) => product * at(unit, to), 1);
        y.data[r * Q + to] = at(y, r * Q + to) + (share * at(x, (r * orders.length + n) * said + i)) / scale;
      }
    }
  }
  return { y };
};
