// Evolution in some envs, with a checkpoint after every generation.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { type Env, OptionError } from "@worldstep/protocols";
import {
  beginEvolution,
  type EvolutionSettings,
  type EvolutionState,
  nextGeneration,
  openVector,
} from "@worldstep/sdk";
import type { ScoredTask } from "@worldstep/tabletop";
import { actEvolved, type TabletopProbe, weightCount } from "@worldstep/tabletop";

const ENVS = 4;

export type Settings = EvolutionSettings & { readonly task: ScoredTask };

/** Where a policy is trained. */
export interface Place {
  /** Names it with all that it is made of. */
  readonly hash: string;
  open(): Promise<Env>;
}

// What is in the file: a state, and what it is the state of.
type Checkpoint = EvolutionState & { readonly place: string };

/**
 * Trains for at least `steps` env steps, from the checkpoint in `file` on if there is one. Throws `OptionError`
 * (`checkpoint_differs`) for one of another place or other settings.
 */
export async function train(
  place: Place,
  probe: TabletopProbe,
  settings: Settings,
  steps: number,
  file: string,
  onGeneration: (state: EvolutionState) => void,
): Promise<EvolutionState> {
  let state = resumed(file, place, settings) ?? beginEvolution(settings, weightCount(settings.task));
  onGeneration(state);
  const env = await openVector(place.open, ENVS, { autoreset: "Disabled" });
  try {
    while (stepsOf(state) < steps) {
      state = await nextGeneration(state, env, (weights, shown) => actEvolved(probe, settings.task, weights, shown));
      writeFileSync(`${file}.tmp`, JSON.stringify({ ...state, place: place.hash } satisfies Checkpoint));
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

function resumed(file: string, place: Place, settings: Settings): EvolutionState | undefined {
  if (!existsSync(file)) return undefined;
  const { place: hash, ...state } = JSON.parse(readFileSync(file, "utf8")) as Checkpoint;
  const same = JSON.stringify(state.settings) === JSON.stringify(settings);
  if (same && hash === place.hash && state.weights.length === weightCount(settings.task)) return state;
  const remedy = "give another --out, or the same world and settings";
  throw new OptionError("checkpoint_differs", `${file} is of another world or other settings`, remedy, { file });
}
