import { at, dense } from "../../dense.js";
import type { Reference } from "../../reference-op.js";
import type { SoftPool } from "./op.js";

export const softPoolReference: Reference<SoftPool> = ({ in: inputs, out, attributes: { rowFirst } }, values) => {
  const [x, maps, y] = [values.read(inputs.x), values.read(inputs.maps), dense(values.shape(out.y))];
  const [P, F] = x.shape.slice(-2) as [number, number];
  const M = maps.shape.at(-1) as number;
  const side = Math.sqrt(P);
  const line = (i: number) => (side === 1 ? -1 : -1 + (2 * i) / (side - 1));
  for (let b = 0; b < x.data.length / (P * F); b++) {
    for (let m = 0; m < M; m++) {
      const scores = Array.from({ length: P }, (_, p) => at(maps, (b * P + p) * M + m));
      const most = Math.max(...scores);
      const powers = scores.map((score) => Math.exp(score - most));
      const total = powers.reduce((sum, power) => sum + power, 0);
      for (const [p, power] of powers.entries()) {
        const where = [line(Math.floor(p / side)), line(p % side)];
        if (!rowFirst) where.reverse();
        const there = [...x.data.subarray((b * P + p) * F, (b * P + p + 1) * F), ...where];
        for (const [f, value] of there.entries()) {
          const to = (b * M + m) * (F + 2) + f;
          y.data[to] = at(y, to) + (value * power) / total;
        }
      }
    }
  }
  return { y };
};
