// One episode of a policy.

import type { Env, Observation } from "@worldstep/protocols";
import type { Policy } from "@worldstep/sdk";

/** Whether `policy`, which was reset, succeeds in the episode of `env` that began with `start`, before its time is over. */
export async function succeeds(env: Env, start: Observation, policy: Policy): Promise<boolean> {
  for (let observation = start; ; ) {
    const step = await env.step(await policy.act(observation));
    if (step.terminated || step.truncated) return step.terminated;
    observation = step.observation;
  }
}
