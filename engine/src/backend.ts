// What runs the networks of a world. The story above it (world-model.ts) knows no backend; a backend knows no seeds,
// tasks or episodes. Every promise may reject, and then nothing was committed.
//
// Shapes: L tokens a tick, C latent channels, s stride, A action size, H W pixels, Q what is read from a tick,
// E experts, K ticks of a chunk.

/** What a chunk is made from: one tick, or K that are denoised jointly. */
export interface ChunkInput {
  /** The latent of the tick before, `[L, C]`; zeros before the first tick. */
  readonly previous: Float32Array;
  /** A row a tick, `[K, s A + Q]`: its action block, and the reading before it. */
  readonly rows: Float32Array;
  /** The readings that they are reckoned to lead to, `[K, Q]`. */
  readonly aims: Float32Array;
}

/** What the clean pass reads from a tick, as the network puts it out. */
export interface Heads {
  /** One a task that has a reward. */
  readonly reward: Float32Array;
  /** Logits, one a task that has a reward. */
  readonly success: Float32Array;
  /** `[Q]`, normalised: proprioception, then the environment's state. */
  readonly reading: Float32Array;
  /** Of the experts, `[E]`, as the network put them out: the largest is that of the one that was used. */
  readonly experts: Float32Array;
}

export interface Dynamics {
  /** The reading `[Q]` that a tick's row leads to, after the row of the tick before; both `[s A + Q]`. */
  reckon(row: Float32Array, before: Float32Array): Promise<Float32Array>;
  /** A memory without a tick. */
  createMemory(): Memory;
}

/**
 * The context of one episode: pages of the first tick (the sink) and of a sliding window of those after it, and what
 * memory blocks made of all. One call at a time.
 */
export interface Memory {
  /**
   * One evaluation of the denoiser (an NFE): the end point X, `[K, L, C]`, of the flow through `z` `[K, L, C]` at level
   * t, looking ahead to level r, or at r = t the mean of where it may end; 1 is noise, 0 is clean. The result holds until
   * the next call.
   */
  denoise(z: Float32Array, input: ChunkInput, t: number, r: number): Promise<Float32Array>;
  /** The clean pass over one tick, `z` `[L, C]`: reads the heads, and stages what is to be kept of the tick. */
  read(z: Float32Array, input: ChunkInput): Promise<Heads>;
  /** Makes the tick of the last `read` part of the context. */
  commit(): void;
}

/** What a tick's frames are encoded to, and decoded from. */
export interface Shown {
  /** `[L, C]`. */
  readonly latent: Float32Array;
  /** Of the last frame, `[Q]`, normalised. */
  readonly reading: Float32Array;
}

export interface Tokenizer {
  /** One tick of frames, `[s, H, W, 3]` uint8. */
  encode(frames: Uint8Array): Promise<Shown>;
  /** A decoder before the first tick of a stream, which begins with the frame `[H, W, 3]` uint8; it keeps a copy of that. */
  createDecoder(frame: Uint8Array): Promise<Decoder>;
}

/** Decodes one stream of ticks. One call at a time. */
export interface Decoder {
  /**
   * The frames `[s, H, W, 3]` uint8 of `latent` `[L, C]` as the tick after the last committed one, which leads from the
   * reading `before` to `reading`, both `[Q]`. Stages that tick.
   */
  decode(tick: Shown, before: Float32Array): Promise<Uint8Array>;
  /** Makes the tick of the last `decode` the past of the next. */
  commit(): void;
}

export interface Backend {
  readonly dynamics: Dynamics;
  readonly tokenizer: Tokenizer;
  /** Frees the networks, after the calls that were made before. Later calls reject. */
  close(): Promise<void>;
}
