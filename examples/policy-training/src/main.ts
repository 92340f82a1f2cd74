// Trains a policy in the dream alone, and the same in MuJoCo with as many steps; then tries both in MuJoCo.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type OpenWorld, openWorld } from "@worldstep/engine";
import { mean, type Plot, plotPng, share } from "@worldstep/judge";
import { WorldError } from "@worldstep/protocols";
import { type EvolutionState, heldOutSeed } from "@worldstep/sdk";
import {
  createSimulator,
  evolvedPolicy,
  openProbe,
  SCORED_TASKS,
  type ScoredTask,
  type Simulator,
  sizeBeside,
  type TabletopProbe,
} from "@worldstep/tabletop";
import { Command, Option } from "commander";
import { progressBar, wholeNumber } from "worldstep/command-line";
import { type Place, type Settings, stepsOf, train } from "./training.js";

/** Ticks in which an expert is done, and some. */
const MAX_TICKS: Readonly<Record<ScoredTask, number>> = { reach: 12, push: 20, "pick-place": 30, stack: 30 };
const TRIAL_TICKS = 45;

interface Options {
  readonly world: string;
  readonly task: ScoredTask;
  readonly steps: number;
  readonly seed: number;
  readonly trials: number;
  readonly out: string;
}

const program = new Command("policy-training")
  .description("Train a policy in a dream, and the same in MuJoCo; try both in MuJoCo. Goes on where it was stopped.")
  .option("--world <dir>", "folder of the world", "worlds/tabletop-nano")
  .addOption(new Option("--task <task>", "what to learn").choices(SCORED_TASKS).default("reach"))
  .option("--steps <n>", "env steps, in each", wholeNumber(1), 8000)
  .option("--seed <n>", "of all that is random", wholeNumber(0), 1)
  .option("--trials <n>", "held-out episodes to try the policies in", wholeNumber(1), 100)
  .option("--out <dir>", "folder for checkpoints, curves and results", "out/policy-training")
  .action(run);

async function run(options: Options): Promise<void> {
  const { world: folder, out } = options;
  await mkdir(out, { recursive: true });
  const world = await openWorld(folder, { threads: 1 }); // the same numbers whatever else runs
  const probe = await openProbe(sizeBeside(world.spec));
  const simulator = await createSimulator({ size: probe.size });
  try {
    await compare(options, world, simulator, probe);
  } finally {
    await Promise.all([simulator.close(), world.close(), probe.close()]);
  }
}

async function compare(options: Options, world: OpenWorld, simulator: Simulator, probe: TabletopProbe): Promise<void> {
  const { task, steps, seed, trials, out } = options;
  const settings: Settings = {
    seed,
    task,
    population: 16,
    episodes: 1,
    maxTicks: MAX_TICKS[task],
    sigma: 0.3,
    learningRate: 0.2,
  };
  const places: Record<string, Place> = {
    dream: { hash: world.hash, open: () => world.open() },
    mujoco: { hash: `mujoco-${probe.size}`, open: () => createSimulator({ size: probe.size }) },
  };
  const states: Record<string, EvolutionState> = {};
  for (const [place, where] of Object.entries(places)) {
    const file = join(out, `${place}-${task}.json`);
    const name = place === "dream" ? "the dream" : "MuJoCo";
    states[place] = await withProgress(`training in ${name}`, "steps", steps, (tell) =>
      train(where, probe, settings, steps, file, (state) => {
        tell(Math.min(steps, stepsOf(state)), state.history.at(-1)?.success);
      }),
    );
    await writeFile(join(out, `curves-${task}.png`), await plotPng(curves(task, states)));
  }
  const success: Record<string, number[]> = {};
  for (const [place, { average }] of Object.entries(states)) {
    success[place] = await withProgress(`trying what ${place} taught`, "episodes", trials, async (tell) => {
      const found: number[] = [];
      for (let i = 0; i < trials; i++) {
        found.push(await tried(simulator, probe, task, average, heldOutSeed(seed, i)));
        tell(i + 1, mean(found));
      }
      return found;
    });
  }
  const [dreamed, real] = [mean(success.dream ?? []), mean(success.mujoco ?? [])];
  const result = {
    task,
    seed,
    steps,
    trials,
    dreamPolicySuccess: dreamed,
    mujocoPolicySuccess: real,
    dreamPolicyOverReal: real > 0 ? dreamed / real : null,
  };
  await writeFile(join(out, `result-${task}.json`), `${JSON.stringify(result, null, 2)}\n`);
  process.stdout.write(
    `in MuJoCo, ${trials} held-out episodes of ${task}:\n` +
      `  trained in the dream  ${told(success.dream ?? [])}\n` +
      `  trained in MuJoCo     ${told(success.mujoco ?? [])}\n` +
      `  dreamPolicyOverReal   ${result.dreamPolicyOverReal?.toFixed(2) ?? "none: nothing was learned in MuJoCo"}\n` +
      `curves: ${join(out, `curves-${task}.png`)}\n`,
  );
}

async function tried(
  simulator: Simulator,
  probe: TabletopProbe,
  task: ScoredTask,
  weights: readonly number[],
  seed: number,
) {
  const policy = evolvedPolicy(probe, task, weights);
  let { observation } = await simulator.reset({ seed, task, maxTicks: TRIAL_TICKS });
  for (;;) {
    const step = await simulator.step(await policy.act(observation));
    if (step.terminated || step.truncated) return Number(step.terminated);
    observation = step.observation;
  }
}

function curves(task: string, states: Readonly<Record<string, EvolutionState>>): Plot {
  const series = Object.entries(states).map(([place, { history }]) => ({
    name: place === "dream" ? "in the dream" : "in MuJoCo",
    points: history.map(({ steps, success }) => ({ x: steps, y: success })),
  }));
  return { title: `Training ${task}`, x: "env steps", y: "success of the population", kind: "lines", series };
}

/** A share with its interval, as text. */
function told(found: readonly number[]): string {
  const { value, low = value, high = value } = share(found.map((held) => ({ held, of: 1 })));
  return `${value.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;
}

/** What `work` gives; what it tells, how much is done and how much of it succeeds, is shown meanwhile. */
async function withProgress<T>(
  what: string,
  unit: string,
  total: number,
  work: (tell: (done: number, success?: number) => void) => Promise<T>,
): Promise<T> {
  const bar = progressBar(what, unit);
  try {
    return await work((done, success = Number.NaN) => {
      bar.update(done, total, Number.isNaN(success) ? undefined : `success ${success.toFixed(2)}`);
    });
  } finally {
    bar.stop();
  }
}

await program.parseAsync().catch((error: unknown) => {
  if (!(error instanceof WorldError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
