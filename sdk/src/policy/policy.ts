// What acts on a world.
import { type Observation, type Observed, WorldError } from "@worldstep/protocols";

/** A function of what it has seen since its reset: never of a world's hidden state. */
export interface Policy {
  /** A new episode begins. The same seed and observations give the same actions. */
  reset(seed: number): Promise<void>;
  /** The next action block `[stride, A]`, flat, within the world's action space. */
  act(observation: Observation): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * The newest frame of `observation`, `[H, W, 3]` uint8: a view, not a copy. Throws `WorldError` (`tensor_missing`) of one that
 * was observed without frames.
 */
export function newestFrame({ frames }: Observation): Uint8Array {
  if (frames === undefined) throw missing("frames", "frames");
  return frames.data.subarray(frames.data.length - frames.data.length / (frames.shape[0] as number));
}

/** Of an observation that lacks `name`, which `part` of `StepOptions.observe` shows. */
export function missing(name: string, part: Observed): WorldError {
  const remedy = `step without \`observe\`, or with "${part}" in it`;
  return new WorldError("tensor_missing", `the observation has no ${name}`, remedy, { name });
}
