// Weights of training/dynamics.py's `Dynamics` that the graph uses in another form than the file has them: layers that
// read the same thing side by side in one matrix, and constants folded into biases.
import type { Weight } from "../safetensors.js";
import type { WorldManifest } from "../world-schema.js";

type Read = (name: string) => Weight;

/** A slot of the memory without a tick gets this in place of its age's bias: its softmax is exactly 0. */
const HIDDEN = -1e9;

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
export function modulationWeights(read: Read, { depth, width, condWidth }: WorldManifest["dynamics"]) {
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

/** The age biases of all layers, `[depth N, 1, window + 3]`; the last column hides a slot. */
export function ageTable(read: Read, { depth, heads, window }: WorldManifest["dynamics"]): Weight {
  const columns = window + 2;
  const data = new Float32Array(depth * heads * (columns + 1)).fill(HIDDEN);
  for (let i = 0; i < depth; i++) {
    const biases = read(`blocks.${i}.age_bias`).data;
    for (let n = 0; n < heads; n++) {
      data.set(biases.subarray(n * columns, (n + 1) * columns), (i * heads + n) * (columns + 1));
    }
  }
  return { data, shape: [depth * heads, 1, columns + 1] };
}

/** The bias of a tick's own tokens: column 0 of an age bias, `[N, 1, 1]`. */
export function ownBias({ data, shape }: Weight): Weight {
  const [heads, columns] = shape as [number, number];
  return { data: Float32Array.from({ length: heads }, (_, n) => data[n * columns] as number), shape: [heads, 1, 1] };
}

/** `weight` with `row` added to each of its rows. */
export function plusRow({ data, shape }: Weight, row: Weight): Weight {
  return { data: data.map((x, i) => x + (row.data[i % row.data.length] as number)), shape };
}

export function dividedBy({ data, shape }: Weight, divisor: number): Weight {
  return { data: data.map((x) => x / divisor), shape };
}
