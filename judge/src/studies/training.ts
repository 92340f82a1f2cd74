// A policy is trained in the dream alone, and the same in reality with as many steps; both are tried in reality.
import type { Env, Observation } from "@worldstep/protocols";
import {
  beginEvolution,
  type EvolutionSettings,
  type EvolutionState,
  type Generation,
  heldOutSeed,
  nextGeneration,
  openVector,
  type Policy,
} from "@worldstep/sdk";
import type { Beside } from "../beside.js";
import type { Bench, Measured, Probe, Settings, Study } from "../domain.js";
import { succeeds } from "../episode.js";

/** Times that each is trained, from other random numbers. */
const RUNS = 3;
const STEPS = 8000;
const FEWEST_STEPS = 3000;
const ENVS = 4;
const EVOLUTION = { population: 16, episodes: 1, sigma: 0.3, learningRate: 0.2 } as const;
/** Ticks of an episode of the trial. */
const TRIAL_TICKS = 45;
const TRIALS = 100;
const FEWEST_TRIALS = 20;
/** Held-out episodes that are this study's own. */
const FIRST = 700_000;

/** A small policy whose weights evolution finds, for one task; `M` is what it sees. */
export interface Learner<M extends Measured> {
  readonly task: string;
  /** Of an episode of training: enough for an expert. */
  readonly maxTicks: number;
  /** How many weights it has. */
  readonly weights: number;
  act(probe: Probe<M>, weights: ArrayLike<number>, observation: Observation): Promise<Float32Array>;
}

export interface Trained {
  readonly task: string;
  /** How training went, in each. */
  readonly history: Beside<readonly Generation[]>;
  /** Whether what came of it succeeded in each of the trials, all in reality: the same starts for both. */
  readonly trials: Beside<readonly boolean[]>;
}

export function training<M extends Measured>(learners: readonly Learner<M>[]): Study<Trained, Bench<Env, M>> {
  return {
    count: async ({ settings: { scale } }) => learners.length * (scale < 1 ? 1 : RUNS),
    ticks: ({ settings }) => 2 * (steps(settings) + 0.5 * TRIAL_TICKS * trialCount(settings)),
    run: async (bench, i, onTicks) => {
      const learner = learners[i % learners.length] as Learner<M>;
      const { task, maxTicks } = learner;
      const settings = { ...EVOLUTION, seed: 1000 * bench.settings.seed + i, task, maxTicks };
      const dreamed = await train(bench, learner, () => bench.subject.open(), settings, onTicks);
      const options = { spec: bench.subject.spec, size: bench.size, varied: true, filmed: false };
      const real = await train(bench, learner, () => bench.domain.reality(options), settings, onTicks);
      return {
        task,
        history: { dreamed: dreamed.history, real: real.history },
        trials: {
          dreamed: await tried(bench, learner, dreamed.average),
          real: await tried(bench, learner, real.average),
        },
      };
    },
  };
}

function steps({ scale }: Pick<Settings, "scale">): number {
  return Math.max(FEWEST_STEPS, STEPS * scale);
}

function trialCount({ scale }: Pick<Settings, "scale">): number {
  return Math.max(FEWEST_TRIALS, Math.round(TRIALS * scale));
}

async function train<M extends Measured>(
  { probe, settings: { scale } }: Bench<Env, M>,
  learner: Learner<M>,
  open: () => Promise<Env>,
  settings: EvolutionSettings,
  onTicks: (ticks: number) => void,
): Promise<EvolutionState> {
  const env = await openVector(open, ENVS, { autoreset: "Disabled" });
  try {
    let state = beginEvolution(settings, learner.weights);
    for (let done = 0; done < steps({ scale }); ) {
      state = await nextGeneration(state, env, (weights, shown) => learner.act(probe, weights, shown));
      const now = state.history.at(-1)?.steps ?? 0;
      onTicks(now - done);
      done = now;
    }
    return state;
  } finally {
    await env.close();
  }
}

async function tried<M extends Measured>(
  { probe, settings, twin }: Bench<Env, M>,
  { task, act }: Learner<M>,
  weights: readonly number[],
): Promise<boolean[]> {
  const policy: Policy = {
    reset: async () => {},
    act: (observation) => act(probe, weights, observation),
    close: async () => {},
  };
  const successes: boolean[] = [];
  for (let i = 0; i < trialCount(settings); i++) {
    const seed = heldOutSeed(settings.seed, FIRST + i);
    const { observation } = await twin.reset({ seed, task, maxTicks: TRIAL_TICKS });
    successes.push(await succeeds(twin, observation, policy));
  }
  return successes;
}
