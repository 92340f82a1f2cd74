// How far two pictures are apart.
import type { Tensor } from "@worldstep/sdk";

/** Peak signal-to-noise ratio in dB of two uint8 tensors of one shape: 30 looks alike, 20 differs clearly, infinity is equal. */
export function psnr(a: Tensor, b: Tensor): number {
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) sum += ((a.data[i] as number) - (b.data[i] as number)) ** 2;
  return 10 * Math.log10((255 ** 2 * a.data.length) / sum);
}
