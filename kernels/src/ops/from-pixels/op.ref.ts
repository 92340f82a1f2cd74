import { at, dense } from "../../dense.js";
import type { Reference } from "../../reference-op.js";
import type { FromPixels } from "./op.js";

export const fromPixelsReference: Reference<FromPixels> = ({ in: inputs, out }, values) => {
  const [x, y] = [values.read(inputs.x), dense(values.shape(out.y))];
  const [, s, height, width] = x.shape as [number, number, number, number];
  const area = height * width;
  for (let i = 0; i < y.data.length; i++) {
    const [place, channel] = [Math.floor(i / (3 * s)), i % (3 * s)];
    const frame = Math.floor(place / area) * s + Math.floor(channel / 3);
    y.data[i] = at(x, (frame * area + (place % area)) * 3 + (channel % 3)) / 127.5 - 1;
  }
  return { y };
};
