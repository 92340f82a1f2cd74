// A block of the dynamics: `Block` of training/blocks.py. Attention to the chunk itself and, in a window block, to pages of ticks before; in a
// memory block, what its memory shows; an expert; all modulated by the tick's conditioning.
import type { Tensor } from "@worldstep/kernels";
import type { WorldManifest } from "../world/schema.js";
import { rotarySize } from "../world/tensors.js";
import type { Recorder } from "./recorder.js";

/** What all blocks read. */
export interface BlockContext {
  /** `[B, T, (6 blocks + 2) W]`. */
  readonly modulation: Tensor;
  /** Ticks from each slot's page to the chunk's first, 0 of an empty slot, `[B, S]` i32. */
  readonly ages: Tensor;
  /** Of the batch, `[1]` i32. */
  readonly expert: Tensor;
  /** Whether what is made of the tick is to be kept: then T is 1. */
  readonly isKept: boolean;
}

/** Parts of a block's modulation. */
const [ATTENTION, GATE, FEED_FORWARD, FEED_FORWARD_GATE, PARTS] = [0, 2, 3, 5, 6];

/** Block number i, of `kind` w (window) or m (memory), on tokens x `[B, T, L, W]`. */
export function block(
  on: Recorder,
  sizes: WorldManifest["dynamics"],
  { i, kind }: { readonly i: number; readonly kind: string },
  x: Tensor,
  context: BlockContext,
): Tensor {
  const { heads, latent, window, tokens, width, experts, rotary } = sizes;
  const size = rotarySize(sizes);
  const name = `blocks.${i}`;
  const part = (at: number) => PARTS * i + at;
  const h = on.modulate(x, context.modulation, part(ATTENTION));
  const query = on.linear([h], `${name}.query`);
  const own = on.rms(on.linear([h], `${name}.latents`), latent, size);
  const isWindow = kind === "w";
  const past = isWindow
    ? { past: on.input(`pages.${i}`, ["B", window + 1, tokens, latent + size]), ages: context.ages }
    : {};
  const weights = { key: `${name}.key.weight`, value: `${name}.value.weight`, scale: `${name}.query_scale` };
  const seen = [on.attend({ query, own, ...past }, weights, { heads, turns: rotary, sinkAge: window + 1 })];
  if (isWindow && context.isKept) on.output(`page.${i}`, own);
  if (!isWindow) {
    const D = width / heads;
    const state = on.input(`recurrent.${i}`, ["B", heads, D, D]);
    const inputs = on.linear([h], `${name}.memory.inp`);
    seen.push(on.deltaRead(inputs, state, heads));
    if (context.isKept) {
      const rates = on.linear([h], `${name}.memory.rates`);
      on.carry(`recurrent.${i}`, on.deltaWrite(inputs, rates, state, `${name}.memory.decay`, heads));
    }
  }
  const mixed = on.gate(x, on.linear(seen, `${name}.out`), context.modulation, part(GATE));
  const read = on.modulate(mixed, context.modulation, part(FEED_FORWARD));
  const names = Array.from({ length: experts }, (_, e) => `${name}.experts.${e}`);
  return on.gate(mixed, on.feedForward(read, context.expert, names), context.modulation, part(FEED_FORWARD_GATE));
}
