import { at, dense, rowsOf } from "../../dense.js";
import type { Reference } from "../../reference-op.js";
import type { Gate } from "./op.js";

export const gateReference: Reference<Gate> = ({ in: inputs, attributes }, values) => {
  const [x, branch, modulation] = [inputs.x, inputs.branch, inputs.modulation].map((of) => values.read(of)) as [
    ReturnType<typeof dense>,
    ReturnType<typeof dense>,
    ReturnType<typeof dense>,
  ];
  const y = dense(x.shape);
  const [rows, W] = rowsOf(x);
  const [ticks, size] = rowsOf(modulation);
  for (let i = 0; i < y.data.length; i++) {
    const tick = Math.floor((Math.floor(i / W) * ticks) / rows);
    y.data[i] = at(x, i) + at(branch, i) * at(modulation, tick * size + attributes.at * W + (i % W));
  }
  return { y };
};
