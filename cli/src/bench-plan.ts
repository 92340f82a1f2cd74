// `worldstep bench plan`: what it costs to look ahead in a dream, beside the simulator, forks, and sockets.
import { execFile, fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { openWorld } from "@worldstep/engine";
import { type Metrics, median } from "@worldstep/judge";
import {
  type Env,
  elementCount,
  floatTensor,
  type PlanOptions,
  plan,
  predict,
  restore,
  snapshot,
} from "@worldstep/protocols";
import { connect } from "@worldstep/sdk";
import { addressOf, processEnded } from "./bench-process.js";
import { progressBar } from "./progress.js";

export interface PlanBench {
  readonly world: string;
}

const SEQUENCES = 1024;
const TICKS = 8;
const ITERATIONS = 4;
/** Forks and sockets: as many sequences as a plan over the world tries at a time. */
const FORKS = 64;
const ROUNDS = 5;

/** Measures; see docs/command.md for what each metric is. Throws `WorldFileError`, and `WorldError` (`bench_process`). */
export async function benchPlan({ world: folder }: PlanBench): Promise<Metrics> {
  const world = await openWorld(folder);
  const progress = progressBar("bench plan", "rounds");
  const [states, simulated, plans]: [number[], number[], number[]] = [[], [], []];
  try {
    const env = await world.open();
    await env.reset({ seed: 1, task: world.spec.tasks[1] as string, maxTicks: 0 });
    for (let i = 0; i < 3; i++) await env.step(new Float32Array(elementCount(world.spec.actionSpace.shape)));
    const shape = [SEQUENCES, TICKS, ...world.spec.actionSpace.shape];
    const actions = floatTensor(actionsOf(elementCount(shape)), shape);
    await predict(env, actions); // the first run of a size finds room for its tensors
    for (let round = 0; round < ROUNDS; round++) {
      states.push((SEQUENCES * TICKS) / (await seconds(() => predict(env, actions))));
      simulated.push(await simulatorTicks());
      plans.push(
        1000 * (await seconds(() => plan(env, { samples: SEQUENCES, horizon: TICKS, iterations: ITERATIONS }))),
      );
      progress.update(round + 1, ROUNDS + 2);
    }
    const few: PlanOptions = { over: "world", samples: FORKS, horizon: TICKS, iterations: 1 };
    const forked = (FORKS * TICKS) / (await seconds(() => plan(env, few)));
    progress.update(ROUNDS + 1, ROUNDS + 2);
    const bytes = await snapshot(env);
    await env.close();
    const overSockets = await socketTicks(folder, bytes);
    const rate = (value: number, n = 1) => ({ value, unit: "ticks/s", n });
    const ratios = states.map((state, i) => state / (simulated[i] as number));
    const [low, high] = [Math.min(...ratios), Math.max(...ratios)];
    return {
      stateRolloutTicksPerSecond: rate(median(states), ROUNDS),
      simulatorTicksPerSecond: rate(median(simulated), ROUNDS),
      stateRolloutOverSimulator: { value: median(ratios), unit: "ratio", low, high, n: ROUNDS },
      planMs: { value: median(plans), unit: "ms", n: ROUNDS },
      forkTicksPerSecond: rate(forked),
      planMsOverForks: { value: (1000 * SEQUENCES * TICKS * ITERATIONS) / forked, unit: "ms, from 64 sequences" },
      socketTicksPerSecond: rate(overSockets),
      planOverSockets: { value: median(states) / overSockets, unit: "ratio" },
      planOverForksOverSockets: { value: forked / overSockets, unit: "ratio" },
    };
  } finally {
    progress.stop();
    await world.close();
  }
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const before = performance.now();
  await work();
  return (performance.now() - before) / 1000;
}

/** MuJoCo without pictures, a process a core: ticks a second of all. */
async function simulatorTicks(): Promise<number> {
  const child = fileURLToPath(new URL("./bench-simulator.js", import.meta.url));
  const rates = await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      const { stdout } = await promisify(execFile)(process.execPath, [child]).catch(
        (error: { readonly code: unknown; readonly signal: unknown }) => {
          throw processEnded("simulator", error.signal ?? error.code, error);
        },
      );
      return Number(stdout);
    }),
  );
  return rates.reduce((sum, one) => sum + one, 0);
}

/** The same sequences over sockets, one each, from the same moment: each tick a request, with pixels as a client has them. */
async function socketTicks(folder: string, moment: Uint8Array): Promise<number> {
  const server = fork(fileURLToPath(new URL("./bench-world-server.js", import.meta.url)), [folder]);
  try {
    const url = await addressOf(server);
    const connections = await Promise.all(Array.from({ length: FORKS }, () => connect(url)));
    const envs = await Promise.all(connections.map((connection) => connection.open()));
    await Promise.all(envs.map((env) => restore(env, moment)));
    const taken = await seconds(() => Promise.all(envs.map((env, i) => stepped(env, i))));
    await Promise.all(connections.map((connection) => connection.close()));
    return (FORKS * TICKS) / taken;
  } finally {
    server.disconnect();
  }
}

async function stepped(env: Env, i: number): Promise<void> {
  const size = elementCount(env.spec.actionSpace.shape);
  for (let k = 0; k < TICKS; k++) await env.step(actionsOf(size, i * TICKS + k));
}

// Actions that differ: slow sines in [-1, 1].
function actionsOf(count: number, from = 0): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => Math.sin(0.7 * from + 0.13 * i));
}
