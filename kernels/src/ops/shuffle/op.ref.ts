import { at, dense } from "../../dense.js";
import type { Reference } from "../../reference-op.js";
import type { Shuffle } from "./op.js";

export const shuffleReference: Reference<Shuffle> = ({ in: inputs, out, attributes: { up } }, values) => {
  const [x, y] = [values.read(inputs.x), dense(values.shape(out.y))];
  const fine = up ? y : x;
  const [height, width, channels] = fine.shape.slice(-3) as [number, number, number];
  for (let i = 0; i < fine.data.length; i++) {
    const channel = i % channels;
    const column = Math.floor(i / channels) % width;
    const row = Math.floor(i / (channels * width)) % height;
    const picture = Math.floor(i / (channels * width * height));
    const place = (picture * (height / 2) + Math.floor(row / 2)) * (width / 2) + Math.floor(column / 2);
    const packed = place * 4 * channels + 4 * channel + 2 * (row % 2) + (column % 2);
    if (up) y.data[i] = at(x, packed);
    else y.data[packed] = at(x, i);
  }
  return { y };
};
