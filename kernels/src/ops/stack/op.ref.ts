import { at, dense } from "../../dense.js";
import type { Reference } from "../../reference-op.js";
import type { Stack } from "./op.js";

export const stackReference: Reference<Stack> = ({ in: inputs, out }, values) => {
  const [x, y] = [values.read(inputs.x), dense(values.shape(out.y))];
  const [, s, height, width, channels] = x.shape as [number, number, number, number, number];
  const area = height * width;
  for (let i = 0; i < y.data.length; i++) {
    const [place, channel] = [Math.floor(i / (s * channels)), i % (s * channels)];
    const frame = Math.floor(place / area) * s + Math.floor(channel / channels);
    y.data[i] = at(x, (frame * area + (place % area)) * channels + (channel % channels));
  }
  return { y };
};
