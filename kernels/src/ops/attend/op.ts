import type { Op, Rule } from "../../op.js";
import { demand, isSame, lastOf, type Tensor, withLast } from "../../tensor.js";

/**
 * Softmax attention of the ticks of a chunk to one another and to pages of ticks before, which have one low-rank latent a token for
 * the keys and values of all heads, and a rotary part (MLA: DeepSeek-V2, arXiv 2405.04434).
 *
 * query `[B, T, L, N (D + R)]`; own, what is kept of the chunk's ticks, `[B, T, L, K + R]`, latents before rotary parts; past, the
 * same of ticks before, by slot `[B, S, L, K + R]`, and `ages` `[B, S]` i32: ticks from each to the chunk's first, 0 of an empty slot. A
 * head's query has an RMS of its `scale` `[N, 1]` over D + R; `key` and `value` `[N D, K]`.
 *
 * Rotary parts are turned by time, row and column (RoPE, arXiv 2104.09864), by `turns` radians a step; pairs lie R / 2 apart. Slot 0 has the
 * sink, which is `sinkAge` old whenever it is looked at, and is looked at from the chunk's first tick.
 */
export interface Attend extends Op<"attend"> {
  readonly in: {
    readonly query: Tensor;
    readonly own: Tensor;
    readonly past: readonly Tensor[];
    readonly ages: readonly Tensor[];
  };
  readonly out: { readonly y: Tensor };
  readonly weights: { readonly key: string; readonly value: string; readonly scale: string };
  readonly attributes: { readonly heads: number; readonly turns: readonly number[]; readonly sinkAge: number };
}

export const attend: Rule<Attend> = ({ in: { query, own, past, ages }, weights, attributes }, weightShape) => {
  const [width = 0, latent = 0] = weightShape(weights.key);
  const rotary = 6 * attributes.turns.length;
  demand(lastOf(own.shape) === latent + rotary, "a page's latents and rotary parts", own.shape, [latent, rotary]);
  demand(lastOf(query.shape) === width + attributes.heads * rotary, "queries of all heads", query.shape);
  demand(isSame(query.shape.slice(0, -1), own.shape.slice(0, -1)), "tokens", query.shape, own.shape);
  for (const { shape } of past) demand(isSame(shape.slice(2), own.shape.slice(2)), "pages", shape, own.shape);
  for (const [i, { shape }] of ages.entries()) demand(isSame(shape, past[i]?.shape.slice(0, 2) ?? []), "ages", shape);
  return { y: { shape: withLast(query.shape, width), dtype: "f32" } };
};
