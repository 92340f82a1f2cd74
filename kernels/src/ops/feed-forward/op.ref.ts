import { at, dense, rowsOf } from "../../dense.js";
import type { Reference } from "../../reference-op.js";
import { activate } from "../activation.js";
import type { FeedForward } from "./op.js";

export const feedForwardReference: Reference<FeedForward> = ({ in: inputs, weights }, values) => {
  const x = values.read(inputs.x);
  const e = at(values.read(inputs.expert), 0);
  const [up, upBias, down, downBias] = [weights.up, weights.upBias, weights.down, weights.downBias].map((names) =>
    values.weight(names[e] ?? `no expert ${e}`),
  ) as [typeof x, typeof x, typeof x, typeof x];
  const y = dense(x.shape);
  const [rows, W] = rowsOf(x);
  const H = up.shape[0] as number;
  for (let r = 0; r < rows; r++) {
    const hidden = Float64Array.from({ length: H }, (_, h) => {
      let sum = at(upBias, h);
      for (let i = 0; i < W; i++) sum += at(up, h * W + i) * at(x, r * W + i);
      return activate.gelu(sum);
    });
    for (let i = 0; i < W; i++) {
      y.data[r * W + i] = hidden.reduce((sum, value, h) => sum + value * at(down, i * H + h), at(downBias, i));
    }
  }
  return { y };
};
