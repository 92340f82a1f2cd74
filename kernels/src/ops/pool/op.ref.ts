import { at, dense } from "../../dense.js";
import type { Reference } from "../../reference-op.js";
import type { Pool } from "./op.js";

export const poolReference: Reference<Pool> = ({ in: inputs, out, attributes: { size } }, values) => {
  const [x, y] = [values.read(inputs.x), dense(values.shape(out.y))];
  const [width, channels] = x.shape.slice(-2) as [number, number];
  for (let i = 0; i < x.data.length; i++) {
    const column = Math.floor(i / channels) % width;
    const row = Math.floor(i / (channels * width));
    const to = (Math.floor(row / size) * (width / size) + Math.floor(column / size)) * channels + (i % channels);
    y.data[to] = at(y, to) + at(x, i) / size ** 2;
  }
  return { y };
};
