// Weights of training/dynamics.py's `Dynamics` that the graph uses in another form than the file has them: layers that
// read the same thing side by side in one matrix, and constants folded into biases.
import type { Weight } from "../safetensors.js";
import type { WorldManifest } from "../world-schema.js";

type Read = (name: string) => Weight;

/** The three level embeddings over [t, t - r, context level], `[condWidth, 3 levelSize]`. */
export function levelWeights(read: Read): Weight {
  const parts = ["level_t", "level_r", "level_context"].map((name) => read(`${name}.weight`));
  const [to, from] = (parts[0] as Weight).shape as [number, number];
  const data = new Float32Array(to * from * parts.length);
  for (const [i, part] of parts.entries()) {
    for (let row = 0; row < to; row++) {
      data.set(part.data.subarray(row * from, (row + 1) * from), (row * parts.length + i) * from);
    }
  }
  return { data, shape: [to, from * parts.length] };
}

/**
 * Every block's modulation, and then the final one, as one layer: `weight [(6 depth + 2) W, condWidth]` and its bias.
 * A block has shift, scale and gate for its attention, then for its feed-forward; the final one has shift and scale.
 * The 1 of `1 + scale` is in the bias.
 */
export function modulationWeights(read: Read, { blocks, width, condWidth }: WorldManifest["dynamics"]) {
  const depth = blocks.length;
  const names = [...Array.from({ length: depth }, (_, i) => `blocks.${i}.modulation`), "final_modulation"];
  const rows = (6 * depth + 2) * width;
  const weight = new Float32Array(rows * condWidth);
  const bias = new Float32Array(rows);
  for (const [i, name] of names.entries()) {
    weight.set(read(`${name}.weight`).data, 6 * i * width * condWidth);
    bias.set(read(`${name}.bias`).data, 6 * i * width);
  }
  const isScale = (part: number): boolean => part % 6 === 1 || part % 6 === 4;
  return {
    weight: { data: weight, shape: [rows, condWidth] },
    bias: { data: bias.map((x, row) => (isScale(Math.floor(row / width)) ? x + 1 : x)), shape: [rows] },
  };
}

/** `weight` with `row` added to each of its rows. */
export function plusRow({ data, shape }: Weight, row: Weight): Weight {
  return { data: data.map((x, i) => x + (row.data[i % row.data.length] as number)), shape };
}

export function dividedBy({ data, shape }: Weight, divisor: number): Weight {
  return { data: data.map((x) => x / divisor), shape };
}

/** Rows `from .. to` of a matrix or list. */
export function rows({ data, shape }: Weight, from: number, to: number): Weight {
  const [, ...rest] = shape;
  const size = rest.reduce((product, count) => product * count, 1);
  return { data: data.subarray(from * size, to * size), shape: [to - from, ...rest] };
}

export function reshaped({ data }: Weight, ...shape: readonly number[]): Weight {
  return { data, shape };
}
