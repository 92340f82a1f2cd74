// A policy is trained in the dream alone, and the same in reality with as many steps; both are tried in reality.

import type { Env } from "@worldstep/protocols";
import {
  beginEvolution,
  type EvolutionSettings,
  type EvolutionState,
  type Generation,
  heldOutSeed,
  nextGeneration,
  openVector,
} from "@worldstep/sdk";
import { actEvolved, createSimulator, evolvedPolicy, weightCount } from "@worldstep/tabletop";
import type { Bench, Settings } from "../bench.js";
import type { Beside } from "../beside.js";
import { succeeds } from "../episode.js";
import type { Study } from "../study.js";

export const TRAINED_TASKS = ["reach", "push"] as const;
/** Times that each is trained, from other random numbers. */
const RUNS = 3;
const STEPS = 8000;
const FEWEST_STEPS = 3000;
const ENVS = 4;
const EVOLUTION = { population: 16, episodes: 1, sigma: 0.3, learningRate: 0.2 } as const;
/** Ticks of an episode of training, which are enough for an expert; and of one of the trial. */
const MAX_TICKS = { reach: 12, push: 20 } as const;
const TRIAL_TICKS = 45;
const TRIALS = 100;
const FEWEST_TRIALS = 20;
/** Held-out episodes that are this study's own. */
const FIRST = 700_000;

type Task = (typeof TRAINED_TASKS)[number];

export interface Trained {
  readonly task: Task;
  /** How training went, in each. */
  readonly history: Beside<readonly Generation[]>;
  /** Whether what came of it succeeded in each of the trials, all in reality: the same starts for both. */
  readonly trials: Beside<readonly boolean[]>;
}

export const training: Study<Trained> = {
  count: async ({ settings: { scale } }) => TRAINED_TASKS.length * (scale < 1 ? 1 : RUNS),
  ticks: (settings) => 2 * (steps(settings) + 0.5 * TRIAL_TICKS * trialCount(settings)),
  run: async (bench, i, onTicks) => {
    const task = TRAINED_TASKS[i % TRAINED_TASKS.length] as Task;
    const settings = { ...EVOLUTION, seed: 1000 * bench.settings.seed + i, task, maxTicks: MAX_TICKS[task] };
    const dreamed = await train(bench, () => bench.subject.open(), settings, onTicks);
    const options = { size: bench.size, varied: true, newestOnly: true };
    const real = await train(bench, () => createSimulator(options), settings, onTicks);
    return {
      task,
      history: { dreamed: dreamed.history, real: real.history },
      trials: { dreamed: await tried(bench, task, dreamed.average), real: await tried(bench, task, real.average) },
    };
  },
};

function steps({ scale }: Settings): number {
  return Math.max(FEWEST_STEPS, STEPS * scale);
}

function trialCount({ scale }: Settings): number {
  return Math.max(FEWEST_TRIALS, Math.round(TRIALS * scale));
}

async function train(
  bench: Bench,
  open: () => Promise<Env>,
  settings: EvolutionSettings & { readonly task: Task },
  onTicks: (ticks: number) => void,
): Promise<EvolutionState> {
  const env = await openVector(open, ENVS, { autoreset: "Disabled" });
  try {
    let state = beginEvolution(settings, weightCount(settings.task));
    for (let done = 0; done < steps(bench.settings); ) {
      state = await nextGeneration(state, env, (weights, shown) =>
        actEvolved(bench.probe, settings.task, weights, shown),
      );
      const now = state.history.at(-1)?.steps ?? 0;
      onTicks(now - done);
      done = now;
    }
    return state;
  } finally {
    await env.close();
  }
}

async function tried(bench: Bench, task: Task, weights: readonly number[]): Promise<boolean[]> {
  const policy = evolvedPolicy(bench.probe, task, weights);
  const successes: boolean[] = [];
  for (let i = 0; i < trialCount(bench.settings); i++) {
    const seed = heldOutSeed(bench.settings.seed, FIRST + i);
    const { observation } = await bench.twin.reset({ seed, task, maxTicks: TRIAL_TICKS });
    successes.push(await succeeds(bench.twin, observation, policy));
  }
  return successes;
}
