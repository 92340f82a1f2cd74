import { dense } from "../../dense.js";
import type { Reference } from "../../reference-op.js";
import type { Sinusoid } from "./op.js";

export const sinusoidReference: Reference<Sinusoid> = ({ in: inputs, out, attributes: { size, radians } }, values) => {
  const [levels, y, half] = [values.read(inputs.levels), dense(values.shape(out.y)), size / 2];
  for (const [n, level] of levels.data.entries()) {
    for (let i = 0; i < half; i++) {
      const angle = level * radians ** (i / (half - 1));
      y.data[n * size + i] = Math.sin(angle);
      y.data[n * size + half + i] = Math.cos(angle);
    }
  }
  return { y };
};
