// A dream from where reality began, under the actions of an episode.
import { type EnvSpec, elementCount, type Observation, type StepResult, stepChunk } from "@worldstep/protocols";
import { cutPlan } from "@worldstep/sdk";
import type { Bench } from "./domain.js";
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
  await begin(env, { seed, maxTicks: 0, observation });
  const options = nfe === undefined ? {} : { nfe };
  const steps: StepResult[] = [];
  for (const block of blocksOf(env.spec, actions).slice(0, ticks)) steps.push(await env.step(block, options));
  return steps;
}

/** The same in chunks: the actions cut by what they do, each piece denoised jointly. The steps, and how many pieces. */
export async function dreamInChunks(
  { env }: Bench,
  seed: number,
  observation: Observation,
  actions: Float32Array,
): Promise<{ steps: StepResult[]; chunks: number }> {
  await begin(env, { seed, maxTicks: 0, observation });
  const pieces = cutPlan(env.spec, blocksOf(env.spec, actions));
  const steps: StepResult[] = [];
  for (const piece of pieces) steps.push(...(await stepChunk(env, piece)));
  return { steps, chunks: pieces.length };
}

/** `actions` `[T, s, A]`, tick by tick. */
export function blocksOf({ actionSpace }: EnvSpec, actions: Float32Array): Float32Array[] {
  const size = elementCount(actionSpace.shape);
  return Array.from({ length: actions.length / size }, (_, t) => actions.slice(t * size, (t + 1) * size));
}

/** What the world says of how sure it is, of each tick; undefined where it says nothing. */
export function uncertainties(steps: readonly StepResult[]): number[] | undefined {
  const values = steps.map(({ info }) => info.uncertainty);
  return values.every((value) => typeof value === "number") ? values : undefined;
}
