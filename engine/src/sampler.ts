// The flow map's sampler (MeanFlow, arXiv 2505.13447; AnyFlow): from noise at level 1 to a latent at level 0 in any
// number of steps, the average velocity of each step being u = (z - X) / t. The last evaluation asks for r = t: the mean
// of what z may still become, and not the end of z's own path, which is further off (docs/lab.md).

/** The end point X of the flow through `z` at level t, looking ahead to level r; at r = t the mean of the end points. */
export type Denoise = (z: Float32Array, t: number, r: number) => Promise<Float32Array>;

/** `noise` `[L, C]`, of a chunk `[K L, C]`, carried to level 0 in `nfe` equal steps, then put on the sphere: unit RMS over C = `channels`. */
export async function sample(
  denoise: Denoise,
  noise: Float32Array,
  nfe: number,
  channels: number,
): Promise<Float32Array> {
  const z = noise.slice();
  for (let step = 0; step < nfe; step++) {
    const [t, r] = [1 - step / nfe, 1 - (step + 1) / nfe];
    const end = await denoise(z, t, r || t);
    for (let i = 0; i < z.length; i++) {
      const [zi, x] = [z[i] as number, end[i] as number];
      z[i] = r === 0 ? x : zi - ((t - r) * (zi - x)) / t;
    }
  }
  return project(z, channels);
}

/** Each token of `z` with unit RMS over its C = `channels`, in place: `project` of training/tokenizer.py. */
export function project(z: Float32Array, channels: number): Float32Array {
  for (let start = 0; start < z.length; start += channels) {
    const token = z.subarray(start, start + channels);
    const scale = 1 / Math.sqrt(token.reduce((sum, x) => sum + x * x, 0) / channels + 1e-6);
    for (let i = 0; i < channels; i++) token[i] = (token[i] as number) * scale;
  }
  return z;
}
