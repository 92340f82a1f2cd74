// One env stepped through the actions of a script, and everything that came back.
import type { Frame } from "@worldstep/judge";
import type { Env, FloatTensor, Observation, ResetOptions, StepOptions } from "@worldstep/protocols";

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
  /** T. */
  readonly stepMs: readonly number[];
}

export async function runTrack(
  env: Env,
  start: ResetOptions,
  actions: readonly FloatTensor[],
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
  let [terminated, truncated] = [false, false];
  for (const action of actions) {
    const before = performance.now();
    const result = await env.step(action, options);
    stepMs.push(performance.now() - before);
    frames.push(...framesOf(result.observation));
    rewards.push(result.reward);
    proprioception.push(proprioceptionOf(result.observation));
    ({ terminated, truncated } = result);
    onTick();
    if (terminated || truncated) break;
  }
  return { frames, rewards, proprioception, terminated, truncated, resetMs, stepMs };
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
