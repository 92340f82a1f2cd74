import { at, dense, rowsOf } from "../../dense.js";
import type { Reference } from "../../reference-op.js";
import type { Rank } from "./op.js";

export const rankReference: Reference<Rank> = ({ in: inputs, out, weights }, values) => {
  const x = inputs.x.map((part) => values.read(part));
  const [scale, levels] = [values.weight(weights.scale), values.weight(weights.levels)];
  const y = dense(values.shape(out.y));
  const last = levels.data.length - 1;
  for (let r = 0; r < y.data.length; r++) {
    const numbers = x.flatMap((part) => {
      const [rows, n] = rowsOf(part);
      const row = rows === 1 ? 0 : r;
      return [...part.data.subarray(row * n, (row + 1) * n)];
    });
    const strange = Math.max(...numbers.map((value, i) => (value - at(scale, 2 * i)) / at(scale, 2 * i + 1)));
    const found = levels.data.findIndex((level) => level >= strange);
    const above = Math.min(last, Math.max(1, found < 0 ? last : found));
    const [low, high] = [at(levels, above - 1), at(levels, above)];
    y.data[r] = Math.min(1, Math.max(0, (above - 1 + (strange - low) / (high - low)) / last));
  }
  return { y };
};
