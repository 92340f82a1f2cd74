import { at, dense, rowsOf } from "../../dense.js";
import type { Reference } from "../../reference-op.js";
import type { Views } from "./op.js";

export const viewsReference: Reference<Views> = ({ in: inputs, out, weights, attributes }, values) => {
  const [x, y] = [values.read(inputs.x), dense(values.shape(out.y))];
  const units = weights.units.map((name) => values.weight(name));
  const { orders, isDifference } = attributes;
  const [rows, Q] = rowsOf(x);
  for (let r = 0; r < rows; r++) {
    for (const [n, order] of orders.entries()) {
      for (const [i, from] of order.entries()) {
        let value = at(x, r * Q + from);
        for (const unit of units) value = value * at(unit, from) + (isDifference ? 0 : at(unit, Q + from));
        y.data[(r * orders.length + n) * Q + i] = value;
      }
    }
  }
  return { y };
};
