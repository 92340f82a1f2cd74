// Records one episode for the data set: some policy at work in a varied start, seen by the table camera.

import { Random } from "@worldstep/sdk";
import { ENVIRONMENT_STATE, environmentState } from "./environment-state.js";
import { POSE_KEYS, STRIDE } from "./kinematics.js";
import { blindPolicy, novicePolicy, playPolicy, taskPolicy } from "./policies.js";
import { CUBES } from "./scene-xml.js";
import type { ScriptedPolicy, Skill } from "./script.js";
import type { Moment, Simulator } from "./simulator.js";
import { SCORED_TASKS, TASKS } from "./tasks.js";

/** Ticks of an episode, if nothing else is asked for. */
export const EPISODE_TICKS = 32;
/** Names of the values of `Episode.policy`. */
export const POLICIES = ["play", "expert", "flawed", "blind", "novice"] as const;

const PLAY_SHARE = 0.45;
const EXPERT_SHARE = 0.35;
/** Of play, what is done without looking. */
const BLIND_SHARE = 0.4;
/** Of all episodes with `contacts`. */
const NOVICE_SHARE = 0.25;

/** Of T ticks, F = 1 + 4 T frames. */
export interface Episode {
  /** uint8, shape `[F, H, W, 3]`. */
  readonly frames: Uint8Array;
  /** Shape `[T, 4, 5]`. */
  readonly actions: Float32Array;
  /** Shape `[F, 5]`: tip x, y, z (m), yaw (rad), opening (m) at each frame. */
  readonly proprioception: Float32Array;
  /** Shape `[T, 4]`: reward of each of `SCORED_TASKS` in each tick. */
  readonly rewards: Float32Array;
  /** Shape `[T, 4]`: whether the task was in success at some control step of the tick. */
  readonly success: Uint8Array;
  /** Shape `[F, 3, 7]`: position (m) and quaternion (w x y z) of the cubes at each frame. */
  readonly objects: Float32Array;
  /** Shape `[F, 21]`: `environmentState` at each frame. */
  readonly environmentState: Float32Array;
  /** What the policy was after: index in `TASKS`. */
  readonly task: number;
  /** Index in `POLICIES`. */
  readonly policy: number;
}

/**
 * Plays and records the episode of `seed`. A task policy that succeeds is followed by play. `contacts`: of the flawed
 * policies some go beside their goal by up to 5 cm, some let go above it, play rummages, and a quarter of all episodes are a
 * novice's. Logs to train on want that, for without it a world takes what was nearly grasped for grasped, and leads the arm
 * through what is in its way, which agents that are trained in it make use of; the judge's experiments are without, as they
 * were from the beginning.
 */
export async function recordEpisode(
  simulator: Simulator,
  seed: number,
  { contacts = false, ticks = EPISODE_TICKS }: { readonly contacts?: boolean; readonly ticks?: number } = {},
): Promise<Episode> {
  const frameCount = 1 + STRIDE * ticks;
  const random = new Random(seed, "episode");
  const novice = contacts && new Random(seed, "is a novice's").chance(NOVICE_SHARE);
  const scored = random.chance(PLAY_SHARE) || novice ? undefined : random.index(SCORED_TASKS.length);
  const expert = random.chance(EXPERT_SHARE);
  const skill = expert ? {} : { ...drawSkill(random), ...(contacts && drawMiss(new Random(seed, "near miss"))) };
  const blind = scored === undefined && random.chance(BLIND_SHARE);
  const play = novice ? novicePolicy(seed) : blind ? blindPolicy(seed) : playPolicy(seed, contacts);
  const task = scored === undefined ? undefined : SCORED_TASKS[scored];
  let policy: ScriptedPolicy = task === undefined ? play : taskPolicy(task, seed, skill);

  const { observation } = await simulator.reset({ seed, task: "play" });
  const first = observation.frames.data;
  const frameBytes = first.length / STRIDE;
  const frames = new Uint8Array(frameCount * frameBytes);
  frames.set(first.subarray(0, frameBytes));
  const moments: Moment[] = [...simulator.state().trace];
  const actions = new Float32Array(ticks * STRIDE * POSE_KEYS.length);
  const rewards = new Float32Array(ticks * SCORED_TASKS.length);
  const success = new Uint8Array(ticks * SCORED_TASKS.length);
  for (let tick = 0; tick < ticks; tick++) {
    const before = simulator.state();
    if (scored !== undefined && before.success[scored]) policy = play;
    const action = policy.act(before);
    const step = await simulator.step(action);
    const after = simulator.state();
    actions.set(action, tick * action.length);
    frames.set(step.observation.frames.data, (1 + tick * STRIDE) * frameBytes);
    rewards.set(after.rewards, tick * SCORED_TASKS.length);
    success.set(after.success.map(Number), tick * SCORED_TASKS.length);
    moments.push(...after.trace);
  }

  const { layout } = simulator.state();
  const objects = new Float32Array(frameCount * 7 * CUBES.length);
  const environment = new Float32Array(frameCount * ENVIRONMENT_STATE.length);
  const proprioception = new Float32Array(frameCount * POSE_KEYS.length);
  for (const [i, { tip, cubes }] of moments.entries()) {
    objects.set(cubes, i * cubes.length);
    environment.set(environmentState(cubes, layout), i * ENVIRONMENT_STATE.length);
    proprioception.set(
      POSE_KEYS.map((key) => tip[key]),
      i * POSE_KEYS.length,
    );
  }
  const flawed = Object.keys(skill).length > 0;
  const playful = novice ? "novice" : blind ? "blind" : "play";
  const kind = task === undefined ? playful : flawed ? "flawed" : "expert";
  return {
    frames,
    actions,
    proprioception,
    rewards,
    success,
    objects,
    environmentState: environment,
    task: TASKS.indexOf(task ?? "play"),
    policy: POLICIES.indexOf(kind),
  };
}

function drawMiss(random: Random): Skill {
  return {
    bias: random.chance(0.5) ? random.uniform(-0.05, 0.05) : 0,
    drop: random.chance(0.25) ? random.uniform(0, 0.06) : 0,
  };
}

function drawSkill(random: Random): Skill {
  return {
    noise: random.pick([0, 0.1, 0.3, 0.6]),
    delay: random.pick([0, 0, 2, 4, 8]),
    speed: random.uniform(0.4, 1),
    wrongGoal: random.chance(0.2),
  };
}
