// One env stepped through the chunks of a plan, and everything that came back.
import type { Frame } from "@worldstep/judge";
import {
  type Env,
  type FloatTensor,
  type Observation,
  type ResetOptions,
  type StepOptions,
  stepChunk,
} from "@worldstep/protocols";

/** T ticks of one env; T is less than the number of actions where the episode ended. */
export interface Track {
  /** 1 + stride T: the first frame, then those of each tick. */
  readonly frames: readonly Frame[];
  /** T. */
  readonly rewards: readonly number[];
  /** T + 1, the first after the reset; each as `EnvSpec.proprioception` names it. */
  readonly proprioception: readonly (readonly number[])[];
  readonly terminated: boolean;
  readonly truncated: boolean;
  readonly resetMs: number;
  /** T; of a chunk's ticks, each its share. */
  readonly stepMs: readonly number[];
  /** How many ticks each chunk made. */
  readonly chunks: readonly number[];
}

/** `chunks`: the plan, in pieces that are stepped as one; of one tick each where the env denoises nothing jointly. */
export async function runTrack(
  env: Env,
  start: ResetOptions,
  chunks: readonly (readonly FloatTensor[])[],
  options: StepOptions,
  onTick: () => void,
): Promise<Track> {
  const begun = performance.now();
  const { observation } = await env.reset(start);
  const resetMs = performance.now() - begun;
  const frames = framesOf(observation).slice(0, 1);
  const rewards: number[] = [];
  const proprioception = [proprioceptionOf(observation)];
  const stepMs: number[] = [];
  const made: number[] = [];
  let [terminated, truncated] = [false, false];
  for (const chunk of chunks) {
    const before = performance.now();
    const results = await stepChunk(env, chunk, options);
    const elapsed = performance.now() - before;
    made.push(results.length);
    for (const result of results) {
      stepMs.push(elapsed / results.length);
      frames.push(...framesOf(result.observation));
      rewards.push(result.reward);
      proprioception.push(proprioceptionOf(result.observation));
      ({ terminated, truncated } = result);
      onTick();
    }
    if (terminated || truncated) break;
  }
  return { frames, rewards, proprioception, terminated, truncated, resetMs, stepMs, chunks: made };
}

function framesOf({ frames }: Observation): Frame[] {
  const [stride = 0, height = 0, width = 0] = frames?.shape ?? [];
  const bytes = height * width * 3;
  return Array.from({ length: stride }, (_, i) => {
    return { height, width, data: frames?.data.slice(i * bytes, (i + 1) * bytes) as Uint8Array };
  });
}

function proprioceptionOf({ proprioception }: Observation): number[] {
  return Array.from(proprioception?.data ?? []);
}
