// What runs the networks of a world. The story above it (world-model.ts) knows no backend; a backend knows no seeds,
// tasks or episodes, and keeps nothing of them: what an episode was goes in as a value and comes out as another one. So
// what failed, or is not wanted, is dropped, and two episodes may go on from one value.
//
// Shapes: L tokens a tick, C latent channels, s stride, A action size, H W pixels, Q numbers of a state vector,
// E experts, K ticks of a chunk.

/** What a chunk is made from: one tick, or K that are denoised jointly. */
export interface ChunkInput {
  /** The latent of the tick before, `[L, C]`; zeros before the first tick. */
  readonly previous: Float32Array;
  /** A control a tick, `[K, s A + Q]`: its action block, and the state before it. */
  readonly controls: Float32Array;
  /** The states that they are predicted to lead to, `[K, Q]`. */
  readonly predicted: Float32Array;
}

/** What the clean pass reads from a tick, as the network puts it out. */
export interface Heads {
  /** One a task that has a reward. */
  readonly reward: Float32Array;
  /** Logits, one a task that has a reward. */
  readonly success: Float32Array;
  /** `[Q]`, the state vector, normalised: proprioception, then what the world knows of things. */
  readonly state: Float32Array;
  /** Of the experts, `[E]`, as the network put them out: the largest is that of the one that was used. */
  readonly experts: Float32Array;
}

/** What is kept of one tick, by the names that the backend has for it. Nobody writes into it again. */
export type Page = Readonly<Record<string, Float32Array>>;

/** What a tick attends to: the ticks before it. A value: nobody writes into it. */
export interface Context {
  /** Ticks so far: the number of the next. */
  readonly ticks: number;
  /** By slot (window.ts): the first tick's (the sink), and those of a sliding window. */
  readonly pages: readonly Page[];
  /** What memory blocks made of all ticks, by names. */
  readonly recurrent: Readonly<Record<string, Float32Array>>;
}

export interface Dynamics {
  /** The context of the first tick. */
  readonly empty: Context;
  /** The state `[Q]` that a tick's control leads to, after the control of the tick before; both `[s A + Q]`. */
  predict(control: Float32Array, before: Float32Array): Promise<Float32Array>;
  /**
   * One evaluation of the denoiser (an NFE): the end point X, `[K, L, C]`, of the flow through `z` `[K, L, C]` at level
   * t, looking ahead to level r, or at r = t the mean of where it may end; 1 is noise, 0 is clean.
   */
  denoise(context: Context, z: Float32Array, input: ChunkInput, t: number, r: number): Promise<Float32Array>;
  /** The clean pass over one tick, `z` `[L, C]`: reads the heads, and makes the context of the tick after it. */
  read(
    context: Context,
    z: Float32Array,
    input: ChunkInput,
  ): Promise<{ readonly heads: Heads; readonly context: Context }>;
}

/** What a tick's frames are encoded to, and decoded from. */
export interface Shown {
  /** `[L, C]`. */
  readonly latent: Float32Array;
  /** Of the last frame, `[Q]`, normalised. */
  readonly state: Float32Array;
}

/** What a decoder carries from tick to tick. A value: nobody writes into it. */
export interface DecoderState {
  /** The frame that the stream began with, `[H, W, 3]`. */
  readonly first: Uint8Array;
  /** What that looks like, where the world's streams have an appearance. */
  readonly appearance?: Float32Array;
  /** What memory blocks saw at the tick before, by names. */
  readonly past: Readonly<Record<string, Float32Array>>;
}

export interface Tokenizer {
  /** One tick of frames, `[s, H, W, 3]` uint8. */
  encode(frames: Uint8Array): Promise<Shown>;
  /** Before the first tick of a stream, which begins with the frame `[H, W, 3]` uint8; it keeps a copy of that. */
  begin(frame: Uint8Array): Promise<DecoderState>;
  /**
   * The frames `[s, H, W, 3]` uint8 of a tick that leads from the state `before`, `[Q]`, to its own, behind the ticks that
   * `from` knows of; and what is known after it.
   */
  decode(
    from: DecoderState,
    tick: Shown,
    before: Float32Array,
  ): Promise<{ readonly frames: Uint8Array; readonly next: DecoderState }>;
}

export interface Backend {
  /** Names what its bits depend on besides the world: an episode goes on in no other than it began in. */
  readonly kind: string;
  readonly dynamics: Dynamics;
  readonly tokenizer: Tokenizer;
  /** Frees the networks, after the calls that were made before. Later calls reject. */
  close(): Promise<void>;
}
