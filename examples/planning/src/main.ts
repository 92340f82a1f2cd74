// Plans in a dream and acts in MuJoCo, beside the simulator's own script.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type OpenWorld, openWorld } from "@worldstep/engine";
import { encodePng, type Frame, type Metric, share, tile } from "@worldstep/judge";
import {
  type Observation,
  PLAN_METHODS,
  PLAN_MODES,
  type PlanMethod,
  type PlanMode,
  WorldError,
} from "@worldstep/protocols";
import { heldOutSeed, newestFrame, planningPolicy } from "@worldstep/sdk";
import {
  createSimulator,
  SCORED_TASKS,
  type ScoredTask,
  type Simulator,
  sizeBeside,
  taskPolicy,
} from "@worldstep/tabletop";
import { Command, Option } from "commander";
import { progressBar, wholeNumber } from "worldstep/command-line";

/** What acts on a tick, of which it may see the observation. */
type Act = (observation: Observation) => Float32Array | Promise<Float32Array>;

/** What came of a start. */
interface Played {
  readonly success: boolean;
  readonly ticks: number;
  /** The newest frame of each tick, the start's first. */
  readonly frames: readonly Frame[];
}

interface Options {
  readonly world: string;
  readonly task: ScoredTask;
  readonly starts: number;
  readonly method: PlanMethod;
  readonly over: PlanMode;
  readonly horizon: number;
  readonly samples: number;
  readonly iterations: number;
  readonly every: number;
  readonly ticks: number;
  readonly seed: number;
  readonly out: string;
}

/** Episodes in the picture, and frames of each. */
const [SHOWN, COLUMNS] = [10, 8];

const program = new Command("planning")
  .description("Plan in a dream what MuJoCo's arm does, from what it sees; beside the simulator's own script.")
  .option("--world <dir>", "folder of the world", "worlds/tabletop-nano")
  .addOption(new Option("--task <task>", "what to do").choices(SCORED_TASKS).default("push"))
  .option("--starts <n>", "held-out starts", wholeNumber(1), 50)
  .addOption(new Option("--method <method>", "how plans are searched").choices(PLAN_METHODS).default("cem"))
  .addOption(new Option("--over <what>", "what they are tried in").choices(PLAN_MODES).default("state"))
  .option("--horizon <ticks>", "ticks of a plan", wholeNumber(1), 14)
  .option("--samples <n>", "action sequences that an iteration tries", wholeNumber(1), 128)
  .option("--iterations <n>", "of each search", wholeNumber(1), 24)
  .option("--every <ticks>", "of a plan that are done before the next one", wholeNumber(1), 2)
  .option("--ticks <n>", "time limit of an episode", wholeNumber(1), 60)
  .option("--seed <n>", "of all that is random", wholeNumber(0), 1)
  .option("--out <dir>", "folder for results", "out/planning")
  .action(run);

async function run(options: Options): Promise<void> {
  await mkdir(options.out, { recursive: true });
  const world = await openWorld(options.world);
  const simulator = await createSimulator({ size: sizeBeside(world.spec) });
  try {
    await compare(options, world, simulator);
  } finally {
    await Promise.all([simulator.close(), world.close()]);
  }
}

async function compare(options: Options, world: OpenWorld, simulator: Simulator): Promise<void> {
  const { task, starts, seed, method, over, horizon, samples, iterations, every, out } = options;
  const dream = await world.open();
  const policy = planningPolicy(dream, { task, method, over, horizon, samples, iterations, every });
  let [plans, planMs] = [0, 0];
  const act: Act = async (observation) => {
    const before = performance.now();
    const action = await policy.act(observation);
    planMs += performance.now() - before;
    return action;
  };
  const planned = await played("planned", options, simulator, async (episode) => {
    await policy.reset(episode);
    return act;
  });
  for (const { ticks } of planned) plans += Math.ceil(ticks / every);
  const scripted = await played("scripted", options, simulator, async (episode) => {
    const script = taskPolicy(task, episode);
    return () => script.act(simulator.state());
  });
  await policy.close();
  await dream.close();
  const [ours, theirs] = [successOf(planned), successOf(scripted)];
  const dreamedTicksPerSecond = (plans * horizon * samples * iterations) / (planMs / 1000);
  const result = {
    ...{ task, seed, starts, method, over, horizon, samples, iterations, every },
    plannedSuccess: ours,
    scriptedSuccess: theirs,
    msPerPlan: planMs / plans,
    dreamedTicksPerSecond,
    episodes: planned.map(({ success, ticks }, i) => ({ seed: heldOutSeed(seed, i), success, ticks })),
  };
  await writeFile(join(out, `result-${task}.json`), `${JSON.stringify(result, null, 2)}\n`);
  const rows = planned.slice(0, SHOWN).map(({ frames }) => spread(frames));
  await writeFile(join(out, `episodes-${task}.png`), encodePng(tile(rows, 2)));
  process.stdout.write(
    `${task} in MuJoCo, ${starts} held-out starts:\n` +
      `  planned in the dream  ${told(ours)}\n` +
      `  the script            ${told(theirs)}\n` +
      `  a plan takes ${result.msPerPlan.toFixed(0)} ms: ${dreamedTicksPerSecond.toFixed(0)} dreamed ticks a second\n` +
      `episodes, a row each: ${join(out, `episodes-${task}.png`)}\n`,
  );
}

/** Plays each start by what `begin` gives for its seed. */
async function played(
  what: string,
  { task, starts, seed, ticks: maxTicks }: Options,
  simulator: Simulator,
  begin: (seed: number) => Promise<Act>,
): Promise<Played[]> {
  const bar = progressBar(what, "starts");
  const all: Played[] = [];
  try {
    for (let i = 0; i < starts; i++) {
      const act = await begin(heldOutSeed(seed, i));
      all.push(await play(simulator, task, heldOutSeed(seed, i), maxTicks, act));
      bar.update(i + 1, starts, `success ${successOf(all).value.toFixed(2)}`);
    }
  } finally {
    bar.stop();
  }
  return all;
}

async function play(simulator: Simulator, task: ScoredTask, seed: number, maxTicks: number, act: Act): Promise<Played> {
  let { observation } = await simulator.reset({ seed, task, maxTicks });
  const frames = [frameOf(observation)];
  for (;;) {
    const step = await simulator.step(await act(observation));
    observation = step.observation;
    frames.push(frameOf(observation));
    if (step.terminated || step.truncated) return { success: step.terminated, ticks: frames.length - 1, frames };
  }
}

function frameOf(observation: Observation): Frame {
  const [, height = 0, width = 0] = observation.frames.shape;
  return { width, height, data: newestFrame(observation).slice() };
}

/** `COLUMNS` frames from the first to the last. */
function spread(frames: readonly Frame[]): Frame[] {
  const at = (i: number) => Math.round((i * (frames.length - 1)) / (COLUMNS - 1));
  return Array.from({ length: COLUMNS }, (_, i) => frames[at(i)] as Frame);
}

function successOf(all: readonly Played[]): Metric {
  return share(all.map(({ success }) => ({ held: Number(success), of: 1 })));
}

function told({ value, low = value, high = value }: Metric): string {
  return `${value.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;
}

await program.parseAsync().catch((error: unknown) => {
  if (!(error instanceof WorldError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
