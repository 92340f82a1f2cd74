import { at, dense } from "../../dense.js";
import type { Reference } from "../../reference-op.js";
import type { ToPixels } from "./op.js";

function roundedToEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

export const toPixelsReference: Reference<ToPixels> = ({ in: inputs, out }, values) => {
  const [x, y] = [values.read(inputs.x), dense(values.shape(out.y))];
  const [, s, height, width] = y.shape as [number, number, number, number];
  const area = height * width;
  for (let i = 0; i < x.data.length; i++) {
    const [place, channel] = [Math.floor(i / (3 * s)), i % (3 * s)];
    const frame = Math.floor(place / area) * s + Math.floor(channel / 3);
    const value = Math.min(255, Math.max(0, roundedToEven((at(x, i) + 1) * 127.5)));
    y.data[(frame * area + (place % area)) * 3 + (channel % 3)] = value;
  }
  return { y };
};
