import { at, dense } from "../../dense.js";
import type { Reference } from "../../reference-op.js";
import type { Mahalanobis } from "./op.js";

export const mahalanobisReference: Reference<Mahalanobis> = ({ in: inputs, out, weights }, values) => {
  const [x, mean, axes] = [values.read(inputs.x), values.weight(weights.mean), values.weight(weights.axes)];
  const y = dense(values.shape(out.y));
  const [n, d] = x.shape.slice(-2) as [number, number];
  for (let b = 0; b < y.data.length; b++) {
    let total = 0;
    for (let row = 0; row < n; row++) {
      for (let j = 0; j < d; j++) {
        let along = 0;
        for (let i = 0; i < d; i++)
          along += (at(x, (b * n + row) * d + i) - at(mean, row * d + i)) * at(axes, i * d + j);
        total += along * along;
      }
    }
    y.data[b] = Math.log(total / (n * d));
  }
  return { y };
};
