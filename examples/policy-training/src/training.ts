// Evolution in some envs, with a checkpoint after every generation.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import {
  actEvolved,
  beginEvolution,
  type EvolutionSettings,
  type EvolutionState,
  nextGeneration,
  type Ruler,
  weightCount,
} from "@worldstep/policies";
import { type Env, OptionError } from "@worldstep/protocols";
import { openVector } from "@worldstep/sdk";
import type { SCORED_TASKS } from "@worldstep/simulator";

const ENVS = 4;

export type ScoredTask = (typeof SCORED_TASKS)[number];
export type Settings = EvolutionSettings & { readonly task: ScoredTask };

/**
 * Trains for at least `steps` env steps, from the checkpoint in `file` on if there is one. Throws `OptionError`
 * (`checkpoint_differs`) for one of other settings.
 */
export async function train(
  open: () => Promise<Env>,
  ruler: Ruler,
  settings: Settings,
  steps: number,
  file: string,
  onGeneration: (state: EvolutionState) => void,
): Promise<EvolutionState> {
  let state = resumed(file, settings) ?? beginEvolution(settings, weightCount(settings.task));
  onGeneration(state);
  const env = await openVector(open, ENVS, { autoreset: "Disabled" });
  try {
    while (stepsOf(state) < steps) {
      state = await nextGeneration(state, env, (weights, shown) => actEvolved(ruler, settings.task, weights, shown));
      writeFileSync(`${file}.tmp`, JSON.stringify(state));
      renameSync(`${file}.tmp`, file);
      onGeneration(state);
    }
  } finally {
    await env.close();
  }
  return state;
}

/** Env steps so far. */
export function stepsOf({ history }: EvolutionState): number {
  return history.at(-1)?.steps ?? 0;
}

function resumed(file: string, settings: Settings): EvolutionState | undefined {
  if (!existsSync(file)) return undefined;
  const state = JSON.parse(readFileSync(file, "utf8")) as EvolutionState;
  if (JSON.stringify(state.settings) === JSON.stringify(settings)) return state;
  const remedy = "give another --out, or the same settings";
  throw new OptionError("checkpoint_differs", `${file} is of other settings`, remedy, { file });
}
