// Looking ahead without moving: where action sequences lead in a world's own state (representation-space prediction, as
// V-JEPA 2-AC plans, arXiv 2506.09985), and the best of many.
import type { FloatTensor } from "./tensor.js";

/** `cem`: the cross-entropy method. `mppi`: model predictive path integral control. */
export const PLAN_METHODS = ["cem", "mppi"] as const;
export type PlanMethod = (typeof PLAN_METHODS)[number];

/**
 * What a plan is tried in. `state`: the world's predictor alone, as `predict`; thousands of sequences are cheap, and it is
 * less true than the world (the world's card says by how much). `world`: forks of the session, all but the pixels. They draw
 * the session's own noise: steps of as many `nfe` then bring what was dreamed, to the last bit. So such a plan knows the luck
 * that is to come; where it shall not, plan in a fork with another seed.
 */
export const PLAN_MODES = ["state", "world"] as const;
export type PlanMode = (typeof PLAN_MODES)[number];

/** Where N action sequences of T ticks lead, by the predictor alone: no frames are dreamed, and nothing is corrected by them. */
export interface Predicted {
  /** `[N, T, Q]`, in the units of `EnvSpec.state`. */
  readonly states: FloatTensor;
  /** `[N, T, tasks - 1]`: sums over a tick's control steps, of each of `EnvSpec.tasks` but the first. */
  readonly rewards: FloatTensor;
  /** `[N, T, tasks - 1]`: probability that the task is done. */
  readonly successes: FloatTensor;
}

export interface PlanOptions {
  /** Default `cem`. */
  readonly method?: PlanMethod;
  /** Default `state`. */
  readonly over?: PlanMode;
  /** Ticks of the plan, 1 to 64; default 8. */
  readonly horizon?: number;
  /** Denoiser evaluations of each tick over the world, as of a step; default `EnvSpec.nfe.default`. None over the state. */
  readonly nfe?: number;
  /** Action sequences that an iteration tries, 2 to 4096; default 128, and 32 over the world. */
  readonly samples?: number;
  /** 1 to 64; default 24, and 6 over the world. Many small iterations find more than a few large ones of as many sequences. */
  readonly iterations?: number;
  /** Whose rewards are summed: one of `EnvSpec.tasks` that has any. Default: the session's. */
  readonly task?: string;
  /**
   * Where to be, instead of a task: values by `stateName` of channels of `EnvSpec.state`, `{ "red x (m)": 0.3 }`. A tick is
   * worth minus its distance, in standard deviations of those channels.
   */
  readonly goal?: Readonly<Record<string, number>>;
  /** Keys the search's random numbers, a whole number in [0, 2^53); default 0. The same moment and options give the same plan. */
  readonly seed?: number;
  /**
   * Where the search begins, `[horizon, stride, A]`: the last plan, say. Of each block the first row counts, for a plan has one
   * action a tick, which all rows of its block repeat. Default: no motion.
   */
  readonly begin?: FloatTensor;
}

export interface Planned {
  /** `[horizon, stride, A]`: all rows of a block are the same. */
  readonly actions: FloatTensor;
  /** The sum that these actions were dreamed to bring: of the task's rewards, or of what the goal makes of each tick. */
  readonly plannedReturn: number;
}

/** `PlanOptions` with their defaults. */
export interface PlanSearch {
  readonly method: PlanMethod;
  readonly over: PlanMode;
  readonly horizon: number;
  readonly samples: number;
  readonly iterations: number;
  readonly seed: number;
  /** Of each tick over the world. */
  readonly nfe: number;
  readonly begin?: FloatTensor;
  /** Place of the task in `rewards`, or of the goal's channels in the state, with their values. */
  readonly objective: { readonly task: number } | { readonly goal: ReadonlyMap<number, number> };
}
