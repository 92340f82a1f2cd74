// The same experiment in the subject and in reality, from the same beginning.
import type { Env, Observation } from "@worldstep/protocols";
import type { Bench } from "./domain.js";
import { begin } from "./subject.js";

export interface Beside<S> {
  readonly dreamed: S;
  readonly real: S;
}

/** What `play` finds in each, from reality's start of `seed` on; without a `task` nothing is asked and nothing ends. */
export async function beside<S, R extends Env>(
  bench: Pick<Bench<R>, "env" | "reality">,
  seed: number,
  task: string | undefined,
  maxTicks: number,
  play: (env: Env, observation: Observation) => Promise<S>,
): Promise<Beside<S>> {
  const options = { seed, maxTicks, ...(task !== undefined && { task }) };
  const { observation } = await bench.reality.reset(options);
  const start = await begin(bench.env, { ...options, observation });
  return { dreamed: await play(bench.env, start.observation), real: await play(bench.reality, observation) };
}
