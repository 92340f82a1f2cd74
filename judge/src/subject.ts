// What is judged, and how it starts where reality starts.
import { byteTensor, type Env, type EnvSpec, type Observation, type ResetResult } from "@worldstep/protocols";
import { newestFrame } from "@worldstep/sdk";

/** A world under judgement. */
export interface Subject {
  readonly id: string;
  readonly description: string;
  /** Names the subject with all its files. */
  readonly hash: string;
  readonly spec: EnvSpec;
  open(): Promise<Env>;
  /** Where the subject has one: frames `[s, H, W, 3]` uint8 to latents and back. */
  readonly tokenizer?: {
    encode(frames: Uint8Array): Promise<Float32Array>;
    reconstruct(ticks: readonly Uint8Array[]): Promise<Uint8Array[]>;
  };
  /** Bytes of a page, and of what memory blocks keep of all ticks, in one session; absent where there are none. */
  readonly memory?: { readonly page: number; readonly state: number };
  /** Ticks that it attends to, besides what it remembers; absent where there is no such thing. */
  readonly window?: number;
  close(): Promise<void>;
}

/** Where an episode begins: a moment of reality. */
export interface Beginning {
  readonly seed: number;
  /** Absent where nothing is asked and nothing ends. */
  readonly task?: string;
  readonly maxTicks: number;
  /** What reality showed after its reset. */
  readonly observation: Observation;
}

/**
 * Resets `env` to where reality began: from its frame and proprioception where the env takes frames, else from its seed,
 * as a simulator does.
 */
export function begin(env: Env, { observation, ...options }: Beginning): Promise<ResetResult> {
  if (!env.spec.acceptsFrames) return env.reset(options);
  const { frames, proprioception } = observation;
  const first = byteTensor(newestFrame(observation).slice(), [1, ...frames.shape.slice(1)]);
  return env.reset({ ...options, frames: first, proprioception });
}
