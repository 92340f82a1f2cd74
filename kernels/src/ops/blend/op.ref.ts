import { at, dense, placeIn, rowsOf } from "../../dense.js";
import type { Reference } from "../../reference-op.js";
import { activate } from "../activation.js";
import type { Blend } from "./op.js";

export const blendReference: Reference<Blend> = ({ in: inputs }, values) => {
  const [made, first, kept] = [inputs.made, inputs.first, inputs.kept].map((of) => values.read(of)) as [
    ReturnType<typeof dense>,
    ReturnType<typeof dense>,
    ReturnType<typeof dense>,
  ];
  const y = dense(made.shape);
  const [, channels] = rowsOf(made);
  const [[, colours], [, frames]] = [rowsOf(first), rowsOf(kept)];
  const whole = made.shape.slice(0, -1);
  for (let i = 0; i < y.data.length; i++) {
    const [place, channel] = [Math.floor(i / channels), i % channels];
    const begun = at(first, placeIn(first.shape.slice(0, -1), whole, place) * colours + (channel % colours));
    const share = activate.sigmoid(at(kept, place * frames + Math.floor(channel / colours)));
    y.data[i] = at(made, i) + share * (begun - at(made, i));
  }
  return { y };
};
