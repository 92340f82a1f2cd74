import { at, type Dense, dense, placeIn } from "../../dense.js";
import type { Reference } from "../../reference-op.js";
import { activate } from "../activation.js";
import type { Linear } from "./op.js";

export const linearReference: Reference<Linear> = ({ in: inputs, out, weights, attributes }, values) => {
  const [x, plus, onto] = [inputs.x, inputs.plus, inputs.onto].map((of) => of.map((part) => values.read(part))) as [
    Dense[],
    Dense[],
    Dense[],
  ];
  const [weight, biases] = [values.weight(weights.weight), weights.bias.map((name) => values.weight(name))];
  const y = dense(values.shape(out.y));
  const [to = 0, from = 0] = weight.shape;
  const whole = y.shape.slice(0, -1);
  const row = new Float64Array(from);
  for (let r = 0; r < y.data.length / to; r++) {
    let filled = 0;
    for (const part of x) {
      const size = part.shape.at(-1) as number;
      const first = placeIn(part.shape.slice(0, -1), whole, r) * size;
      row.set(part.data.subarray(first, first + size), filled);
      filled += size;
    }
    for (let m = 0; m < to; m++) {
      let sum = 0;
      for (let n = 0; n < from; n++) sum += at(weight, m * from + n) * (row[n] as number);
      for (const bias of biases) sum += at(bias, m);
      const there = (added: Dense) => at(added, placeIn(added.shape, y.shape, r * to + m));
      for (const added of plus) sum += there(added);
      sum = activate[attributes.activation](sum);
      for (const added of onto) sum += there(added);
      y.data[r * to + m] = sum;
    }
  }
  return { y };
};
