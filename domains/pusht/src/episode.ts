// Plays and records an episode of gym-pusht, for the judge.
import type { Recording } from "@worldstep/judge/kit";
import { readPolicies, Script, seen } from "./policies.js";
import { CORNERS, isDone, type Moment, type PushT, rewardOf } from "./reality.js";

/** 5 s. */
export const TICKS = 25;

/** Of T ticks, F = 1 + 2 T frames. */
export interface Episode extends Recording {
  /** `[F, 16]`: `CORNERS`, pixels of 512. */
  readonly corners: Float64Array;
}

/** The episode of `seed`: of the scripts that come with this domain, each has its turn. */
export async function recordEpisode(reality: PushT, seed: number): Promise<Episode> {
  const { policies } = await readPolicies();
  const scripts = policies.filter((entry) => entry.kind !== "openpi");
  const entry = scripts[Math.floor(seed / 2) % scripts.length] as (typeof scripts)[number]; // held-out seeds are odd
  const policy = await Script.open(entry, reality.spec);
  const { stride } = reality.spec;
  try {
    await policy.reset(seed);
    let { observation } = await reality.reset({ seed, maxTicks: 0 });
    const bytes = observation.frames.data.length / stride;
    const frames = new Uint8Array((1 + stride * TICKS) * bytes);
    frames.set(observation.frames.data.subarray(0, bytes));
    const moments: Moment[] = [...reality.trace];
    const [actions, rewards, success]: [Float32Array[], number[], boolean[]] = [[], [], []];
    for (let tick = 0; tick < TICKS; tick++) {
      const action = await policy.act(seen(observation, (moments.at(-1) as Moment).corners));
      ({ observation } = await reality.step(action));
      const { trace } = reality;
      actions.push(action);
      frames.set(observation.frames.data, (1 + stride * tick) * bytes);
      rewards.push(rewardOf(trace));
      success.push(isDone(trace));
      moments.push(...trace);
    }
    return {
      frames,
      actions: joined(actions),
      proprioception: joined(moments.map(({ agent }) => agent)),
      corners: Float64Array.from(moments.flatMap(({ corners }) => corners)),
      rewards: Float32Array.from(rewards),
      success: Uint8Array.from(success, Number),
    };
  } finally {
    await policy.close();
  }
}

/** Mean distance of the corners, pixels of 512, from where the episode had them at frame `f`. */
export function cornersOff({ corners }: Episode, f: number, told: readonly number[]): number {
  return meanDistance(told, corners.subarray(f * CORNERS.length, (f + 1) * CORNERS.length));
}

function meanDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 2) {
    sum += Math.hypot((a[i] as number) - (b[i] as number), (a[i + 1] as number) - (b[i + 1] as number));
  }
  return sum / (a.length / 2);
}

function joined(rows: readonly ArrayLike<number>[]): Float32Array {
  return Float32Array.from(rows.flatMap((row) => Array.from(row)));
}
