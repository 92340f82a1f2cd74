// Keeps the episodes of an env as plain arrays, to be saved, compared or replayed.
import {
  type Env,
  type FloatTensor,
  type Info,
  type Observation,
  type ResetOptions,
  toAction,
} from "@worldstep/protocols";

/** One episode of T ticks. */
export interface Episode {
  readonly options: ResetOptions;
  /** T + 1: the reset's, then one for each tick. */
  readonly observations: readonly Observation[];
  /** T + 1, as the observations. */
  readonly infos: readonly Info[];
  /** T blocks, each float32 `[stride, A]`. */
  readonly actions: readonly FloatTensor[];
  /** T. */
  readonly rewards: readonly number[];
  readonly terminated: boolean;
  readonly truncated: boolean;
}

/** An env that is being recorded. */
export interface RecordedEnv extends Env {
  /** All episodes so far, the one under way included. */
  readonly episodes: readonly Episode[];
}

/** `env`, whose successful resets and steps are kept in memory. Calls must go through what this returns. */
export function record(env: Env): RecordedEnv {
  const episodes: Episode[] = [];
  return {
    spec: env.spec,
    episodes,
    async reset(options = {}) {
      const result = await env.reset(options);
      episodes.push({
        options,
        observations: [result.observation],
        infos: [result.info],
        actions: [],
        rewards: [],
        terminated: false,
        truncated: false,
      });
      return result;
    },
    async step(action, options) {
      const block = toAction(env.spec.actionSpace, action);
      const result = await env.step(block, options);
      const episode = episodes.pop() as Episode;
      const { observation, reward, terminated, truncated, info } = result;
      episodes.push({
        options: episode.options,
        observations: [...episode.observations, observation],
        infos: [...episode.infos, info],
        actions: [...episode.actions, block],
        rewards: [...episode.rewards, reward],
        terminated,
        truncated,
      });
      return result;
    },
    close: () => env.close(),
  };
}
