import { at, dense, placeIn } from "../../dense.js";
import type { Reference } from "../../reference-op.js";
import { activate } from "../activation.js";
import type { Conv } from "./op.js";

export const convReference: Reference<Conv> = ({ in: inputs, out, weights, attributes }, values) => {
  const { stride, rectified, activation } = attributes;
  const [x, plus, onto] = [inputs.x, inputs.plus, inputs.onto].map((of) => of.map((part) => values.read(part))) as [
    ReturnType<typeof dense>[],
    ReturnType<typeof dense>[],
    ReturnType<typeof dense>[],
  ];
  const [weight, biases] = [values.weight(weights.weight), weights.bias.map((name) => values.weight(name))];
  const y = dense(values.shape(out.y));
  const [to, from, kernel] = weight.shape as [number, number, number];
  const [height, width] = y.shape.slice(-3, -1) as [number, number];
  const [tall, wide, reach] = [height * stride, width * stride, (kernel - 1) / 2];
  const pictures = y.data.length / (height * width * to);
  for (let picture = 0; picture < pictures; picture++) {
    // All channels of the padded picture's pixels, one after the other.
    const pixel = (row: number, column: number): Float64Array => {
      const seen = new Float64Array(from);
      if (row < 0 || row >= tall || column < 0 || column >= wide) return seen;
      let filled = 0;
      for (const part of x) {
        const channels = part.shape.at(-1) as number;
        const whole = [...y.shape.slice(0, -3), tall, wide];
        const first = placeIn(part.shape.slice(0, -1), whole, (picture * tall + row) * wide + column) * channels;
        for (let c = 0; c < channels; c++) seen[filled + c] = at(part, first + c);
        filled += channels;
      }
      return rectified ? seen.map(activate.relu) : seen;
    };
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const patch = Array.from({ length: kernel * kernel }, (_, i) =>
          pixel(row * stride + Math.floor(i / kernel) - reach, column * stride + (i % kernel) - reach),
        );
        for (let m = 0; m < to; m++) {
          const index = ((picture * height + row) * width + column) * to + m;
          let sum = biases.reduce((total, bias) => total + at(bias, m), 0);
          for (const [i, seen] of patch.entries()) {
            for (let c = 0; c < from; c++)
              sum += at(weight, (m * from + c) * kernel * kernel + i) * (seen[c] as number);
          }
          for (const added of plus) sum += at(added, placeIn(added.shape, y.shape, index));
          sum = activate[activation](sum);
          for (const added of onto) sum += at(added, placeIn(added.shape, y.shape, index));
          y.data[index] = sum;
        }
      }
    }
  }
  return { y };
};
