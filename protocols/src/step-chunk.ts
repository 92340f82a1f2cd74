// A chunk stepped on any env, whether it denoises jointly or not.
import type { Env, StepOptions, StepResult } from "./env.js";
import { type ActionLike, toActions } from "./spaces.js";

/** `env.stepChunk(actions)`; on an env without it, that takes one action, and is `step`. */
export async function stepChunk(
  env: Env,
  actions: readonly ActionLike[],
  options: StepOptions = {},
): Promise<StepResult[]> {
  if (env.stepChunk) return env.stepChunk(actions, options);
  toActions(env.spec.actionSpace, actions); // refuses all but one
  return [await env.step(actions[0] as ActionLike, options)];
}
