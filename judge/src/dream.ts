// A dream from where reality began, under the actions of an episode.
import { type Observation, type StepResult, stepChunk } from "@worldstep/protocols";
import { cutPlan } from "@worldstep/sdk";
import { EPISODE_TICKS } from "@worldstep/tabletop";
import type { Bench } from "./bench.js";
import { begin } from "./subject.js";

/** The first `ticks` steps under `actions`, those of a whole episode, at `nfe` evaluations a tick or the usual. */
export async function dream(
  { env }: Bench,
  seed: number,
  observation: Observation,
  actions: Float32Array,
  ticks: number,
  nfe?: number,
): Promise<StepResult[]> {
  await begin(env, { seed, task: "play", maxTicks: 0, observation });
  const size = actions.length / EPISODE_TICKS;
  const options = nfe === undefined ? {} : { nfe };
  const steps: StepResult[] = [];
  for (let t = 0; t < ticks; t++) steps.push(await env.step(actions.slice(t * size, (t + 1) * size), options));
  return steps;
}

/** The same in chunks: the actions cut by what they do, each piece denoised jointly. The steps, and how many pieces. */
export async function dreamInChunks(
  { env }: Bench,
  seed: number,
  observation: Observation,
  actions: Float32Array,
): Promise<{ steps: StepResult[]; chunks: number }> {
  await begin(env, { seed, task: "play", maxTicks: 0, observation });
  const size = actions.length / EPISODE_TICKS;
  const plan = Array.from({ length: EPISODE_TICKS }, (_, t) => actions.slice(t * size, (t + 1) * size));
  const pieces = cutPlan(env.spec, plan);
  const steps: StepResult[] = [];
  for (const piece of pieces) steps.push(...(await stepChunk(env, piece)));
  return { steps, chunks: pieces.length };
}

/** What the world says of how sure it is, of each tick; undefined where it says nothing. */
export function uncertainties(steps: readonly StepResult[]): number[] | undefined {
  const values = steps.map(({ info }) => info.uncertainty);
  return values.every((value) => typeof value === "number") ? values : undefined;
}
