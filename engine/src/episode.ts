// A running world as a value, and what it shows.
//
// Shapes: L tokens a tick, C latent channels, s stride, A action size, H W pixels, P proprioception, Q numbers of a state vector.
import type { Context, DecoderState } from "./networks.js";

/** Where an episode starts: at its last frame. */
export interface Start {
  /** `[1 + s n, H, W, 3]` uint8. The first frame fills a tick alone. */
  readonly frames: Uint8Array;
  /** The action blocks that led through the frames after it, each `[s, A]`; n of them. */
  readonly actions: readonly Float32Array[];
  /** Where the robot is in the last frame, `[P]`, in the units of the world's names; else it is read from the frame. */
  readonly proprioception?: Float32Array;
}

/**
 * A running world after one of its ticks: the pages of its context, and what it carries besides, the recurrent state of memory
 * blocks, the decoder's, the last latent and state vector. A value: nobody writes into it.
 */
export interface Episode {
  /** In [0, 2^53): keys the noise. */
  readonly seed: number;
  /** Of the ticks since the reset, and those of the start state. */
  readonly context: Context;
  readonly decoder: DecoderState;
  /** The latent of the last tick, `[L, C]`; zeros before the first. */
  readonly latent: Float32Array;
  /** That tick's state vector, `[Q]`, normalised; its proprioception was given at the start perhaps. */
  readonly state: Float32Array;
  /** What conditioned it, `[s A + Q]`: its action block, and the state before it. */
  readonly control: Float32Array;
  /** How strange its first latent was; see `Networks.strangeness`. */
  readonly strangeness: number;
}

/** What a world reads from a tick; Q' = Q - P. */
export interface Reading {
  /** `[P]` float32, in the units of the world's names. */
  readonly proprioception: Float32Array;
  /** `[Q']`, in the units of the world's names; empty where the logs had none. */
  readonly environmentState: Float32Array;
  /** For each task but the first. */
  readonly reward: Float32Array;
  /** Probability that the task is done, for each task but the first. */
  readonly success: Float32Array;
}

/** An episode, and its last tick. */
export interface Moment {
  readonly episode: Episode;
  readonly tick: Tick;
}

/** What a tick shows. */
export interface Tick extends Reading {
  /** `[s, H, W, 3]` uint8; absent where nobody asked for them. */
  readonly frames?: Uint8Array;
  /** Number of the expert that the clean pass used. */
  readonly expert: number;
  /** In [0, 1]: the share of dreams of held-out logs whose ticks were less unlike the logs; where the world says. */
  readonly uncertainty?: number;
}
