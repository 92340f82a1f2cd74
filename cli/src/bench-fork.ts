// `worldstep bench fork`: what it costs that a session is a value: to fork it, to keep it as bytes, to go on from them.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type OpenWorld, openWorld } from "@worldstep/engine";
import { type Metric, type Metrics, median } from "@worldstep/judge";
import { type Env, elementCount, fork, restore, snapshot } from "@worldstep/protocols";
import { progressBar } from "./progress.js";

export interface ForkBench {
  readonly world: string;
  /** How old the session is. */
  readonly ticks: number;
}

const FORKS = 64;
const ROUNDS = 20;
const WARM_UP = 3;

/** Measures; see docs/command.md for what each metric is. Throws `WorldFileError`. */
export async function benchFork({ world: path, ticks }: ForkBench): Promise<Metrics> {
  const world = await openWorld(path);
  // A session of its own costs the same at any age, once its window is full.
  const settled = world.world.dynamics.window + 2;
  const progress = progressBar("bench fork", "ticks");
  const total = ticks + FORKS * (settled + 1);
  let done = 0;
  const onTick = (): void => progress.update(++done, total);
  try {
    const env = await played(world, ticks, 0, onTick);
    const forking = await timed(() => forks(env));
    const keeping = await timed(() => snapshot(env));
    const bytes = await snapshot(env);
    const restoring = await timed(async () => {
      const other = await world.open();
      await restore(other, bytes);
      await other.close();
    });
    const ofForks = await added(() => forks(env));
    const apart = await added(async () => {
      const envs = await forks(env);
      await Promise.all(envs.map((one, i) => tick(one, i, onTick)));
      return envs;
    });
    const ofSessions = await added(() =>
      Promise.all(Array.from({ length: FORKS }, (_, i) => played(world, settled, i + 1, onTick))),
    );
    return {
      forkMs64: forking,
      forkBytes64: { value: (100 * ofForks.values) / ofSessions.values, unit: "%" },
      forkBytes64Ticked: { value: (100 * apart.values) / ofSessions.values, unit: "%" },
      forkRssMb64: { value: ofForks.rss / 1e6, unit: "MB" },
      sessionsRssMb64: { value: ofSessions.rss / 1e6, unit: "MB" },
      sessionBytes: { value: Math.round(ofSessions.values / FORKS), unit: "bytes" },
      snapshotMs: keeping,
      snapshotBytes: { value: bytes.length, unit: "bytes" },
      restoreMs: restoring,
    };
  } finally {
    progress.stop();
    await world.close();
  }
}

/** A session that is `ticks` old. */
async function played(world: OpenWorld, ticks: number, seed: number, onTick: () => void): Promise<Env> {
  const env = await world.open();
  await env.reset({ seed, maxTicks: 0 });
  for (let t = 0; t < ticks; t++) await tick(env, t, onTick);
  return env;
}

async function tick(env: Env, t: number, onTick: () => void): Promise<void> {
  const size = elementCount(env.spec.actionSpace.shape);
  await env.step(Float32Array.from({ length: size }, (_, i) => Math.sin(t / ((i % 5) + 4))));
  onTick();
}

function forks(env: Env): Promise<Env[]> {
  return Promise.all(Array.from({ length: FORKS }, () => fork(env)));
}

async function closed(envs: readonly Env[]): Promise<void> {
  for (const env of envs) await env.close();
}

/** Milliseconds of `work`: median, and range. */
async function timed(work: () => Promise<unknown>): Promise<Metric> {
  const times: number[] = [];
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    const before = performance.now();
    await work();
    if (round >= 0) times.push(performance.now() - before);
  }
  return { value: median(times), unit: "ms", low: Math.min(...times), high: Math.max(...times), n: ROUNDS };
}

/** What `make` adds to what is kept, in bytes: of arrays of numbers, exactly, and resident. */
async function added(make: () => Promise<readonly Env[]>): Promise<{ readonly values: number; readonly rss: number }> {
  const before = memory();
  const envs = await make();
  const after = memory();
  await closed(envs);
  return { values: after.arrayBuffers - before.arrayBuffers, rss: after.rss - before.rss };
}

function memory(): NodeJS.MemoryUsage {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let i = 0; i < 2; i++) collect(); // what the first frees may have kept more
  return process.memoryUsage();
}
