// What runs the networks of a world. The story above it (world-model.ts) knows no backend; a backend knows no seeds,
// tasks or episodes. Every promise may reject, and then nothing was committed.
//
// Shapes: L tokens a tick, C latent channels, s stride, A action size, H W pixels, P proprioception.

/** What a tick is made from. */
export interface TickInput {
  /** The latent of the tick before, `[L, C]`. */
  readonly previous: Float32Array;
  /**
   * What moves the world: the tick's action block and the proprioception that was read from the tick before, as the
   * network put it out; `[s A + P]`. Zeros for the first tick.
   */
  readonly control: Float32Array;
}

/** What the clean pass reads from a tick, as the network puts it out. */
export interface Heads {
  /** One a task that has a reward. */
  readonly reward: Float32Array;
  /** Logits, one a task that has a reward. */
  readonly success: Float32Array;
  /** `[P]`, normalised. */
  readonly proprioception: Float32Array;
}

export interface Dynamics {
  /** A memory without a tick. */
  createMemory(): Memory;
}

/**
 * The context of one episode: the first tick (the sink) and a sliding window of those after it, as keys and values.
 * One call at a time.
 */
export interface Memory {
  /**
   * One evaluation of the denoiser (an NFE): the end point X, `[L, C]`, of the flow through `z` `[L, C]` at level t,
   * looking ahead to level r, or at r = t the mean of where it may end; 1 is noise, 0 is clean. The result holds until
   * the next call.
   */
  denoise(z: Float32Array, input: TickInput, t: number, r: number): Promise<Float32Array>;
  /** The clean pass over `z` `[L, C]`: reads the heads, and stages the tick's keys and values. */
  read(z: Float32Array, input: TickInput): Promise<Heads>;
  /** Makes the tick of the last `read` part of the context. */
  commit(): void;
}

export interface Tokenizer {
  /** One tick of frames, `[s, H, W, 3]` uint8 -> its latent, `[L, C]`. */
  encode(frames: Uint8Array): Promise<Float32Array>;
  /** A decoder before the first tick. */
  createDecoder(): Decoder;
}

/** Decodes one stream of ticks. One call at a time. */
export interface Decoder {
  /** The frames `[s, H, W, 3]` uint8 of `z` `[L, C]` as the tick after the last committed one. Stages that tick. */
  decode(z: Float32Array): Promise<Uint8Array>;
  /** Makes the tick of the last `decode` the past of the next. */
  commit(): void;
}

export interface Backend {
  readonly dynamics: Dynamics;
  readonly tokenizer: Tokenizer;
  /** Frees the networks, after the calls that were made before. Later calls reject. */
  close(): Promise<void>;
}
