// The same experiment in the subject and in reality, from the same beginning.
import type { Env, Observation } from "@worldstep/protocols";
import type { Bench } from "./bench.js";
import { begin } from "./subject.js";

export interface Beside<S> {
  readonly dreamed: S;
  readonly real: S;
}

/** What `play` finds in each, from reality's start of `seed` on. */
export async function beside<S>(
  bench: Bench,
  seed: number,
  task: string,
  maxTicks: number,
  play: (env: Env, observation: Observation) => Promise<S>,
): Promise<Beside<S>> {
  const { observation } = await bench.reality.reset({ seed, task, maxTicks });
  const start = await begin(bench.env, { seed, task, maxTicks, observation });
  return { dreamed: await play(bench.env, start.observation), real: await play(bench.reality, observation) };
}
