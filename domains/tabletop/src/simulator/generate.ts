// The data generator: episodes of scripted policies, in shards of 16, on several threads. A run that was stopped goes on
// where it was: finished shards are kept, and a shard's bytes depend on the settings only.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { byteTensor, floatTensor, OptionError, type Tensor } from "@worldstep/protocols";
import { trainingSeed } from "@worldstep/sdk";
import { ENVIRONMENT_STATE } from "./environment-state.js";
import { EPISODE_TICKS, type Episode, POLICIES, recordEpisode } from "./episode.js";
import { STRIDE } from "./kinematics.js";
import { CUBES } from "./scene-xml.js";
import { writeShard } from "./shard.js";
import { createSimulator } from "./simulator.js";
import { SCORED_TASKS, TASKS } from "./tasks.js";

const SHARD_EPISODES = 16;
const FORMAT_VERSION = 3;

export interface GenerateOptions {
  readonly episodes: number;
  /** Folder for the shards and `meta.json`; made if absent. */
  readonly out: string;
  /** Data sets of different seeds share no episode. */
  readonly seed: number;
  /** Pixels along each side of a frame; default 64. */
  readonly size?: number;
  /** Ticks of an episode; default 32. Of few, a data set shows many scenes for its bytes. */
  readonly ticks?: number;
  /** Threads; default one a core; 0 for this thread. */
  readonly workers?: number;
  /** Called as episodes get done, and once at the start. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** One shard to make. */
export interface ShardOrder {
  readonly path: string;
  readonly seed: number;
  readonly size: number;
  readonly ticks: number;
  /** Number of the first episode, and of the one after the last. */
  readonly first: number;
  readonly end: number;
}

/** Makes a data set. Throws `OptionError` (`data_settings_differ`) where `out` holds one with other settings. */
export async function generate(options: GenerateOptions): Promise<void> {
  const { episodes, out, seed, size = 64, ticks = EPISODE_TICKS, onProgress = () => {} } = options;
  const { workers = availableParallelism() } = options;
  await writeMeta(out, { episodes, seed, size, ticks });
  const orders: ShardOrder[] = [];
  for (let first = 0; first < episodes; first += SHARD_EPISODES) {
    const name = `shard-${String(first / SHARD_EPISODES).padStart(5, "0")}.safetensors.gz`;
    orders.push({ path: join(out, name), seed, size, ticks, first, end: Math.min(first + SHARD_EPISODES, episodes) });
  }
  const missing = orders.filter(({ path }) => !existsSync(path));
  let done = episodes - missing.reduce((sum, { first, end }) => sum + end - first, 0);
  onProgress(done, episodes);
  const onEpisode = (): void => onProgress(++done, episodes);
  if (workers === 0) for (const order of missing) await makeShard(order, onEpisode);
  else {
    const threads = Array.from({ length: Math.min(workers, missing.length) }, () => work(missing, onEpisode));
    await Promise.all(threads);
  }
}

/** Records and writes one shard. */
export async function makeShard(order: ShardOrder, onEpisode: () => void): Promise<void> {
  const { path, seed, size, ticks, first, end } = order;
  const simulator = await createSimulator({ size, varied: true });
  const episodes: Episode[] = [];
  const seeds: number[] = [];
  for (let i = first; i < end; i++) {
    seeds.push(trainingSeed(seed, i));
    episodes.push(await recordEpisode(simulator, trainingSeed(seed, i), { contacts: true, ticks }));
    onEpisode();
  }
  await simulator.close();
  writeShard(path, stack(episodes, seeds, size, ticks));
}

// One thread: takes orders from the front of `orders` until none is left.
async function work(orders: ShardOrder[], onEpisode: () => void): Promise<void> {
  const worker = new Worker(new URL("./generate-worker.js", import.meta.url));
  try {
    for (let order = orders.shift(); order; order = orders.shift()) {
      worker.postMessage(order);
      await new Promise<void>((resolve, reject) => {
        worker.removeAllListeners();
        worker.on("error", reject);
        worker.on("message", (message: "episode" | "shard") => (message === "episode" ? onEpisode() : resolve()));
      });
    }
  } finally {
    await worker.terminate();
  }
}

function stack(
  episodes: readonly Episode[],
  seeds: readonly number[],
  size: number,
  ticks: number,
): Record<string, Tensor> {
  const [E, F] = [episodes.length, 1 + STRIDE * ticks];
  const int32 = (values: readonly number[]): Tensor => ({ dtype: "int32", shape: [E], data: Int32Array.from(values) });
  const bytes = (key: "frames" | "success", shape: readonly number[]): Tensor =>
    byteTensor(Buffer.concat(episodes.map((episode) => episode[key])), [E, ...shape]);
  const floats = (
    key: "actions" | "proprioception" | "rewards" | "environmentState",
    shape: readonly number[],
  ): Tensor => {
    const rows = episodes.map((episode) => episode[key]);
    const all = new Float32Array(rows.reduce((sum, row) => sum + row.length, 0));
    for (const [i, row] of rows.entries()) all.set(row, i * row.length);
    return floatTensor(all, [E, ...shape]);
  };
  return {
    frames: bytes("frames", [F, size, size, 3]),
    actions: floats("actions", [ticks, STRIDE, 5]),
    proprioception: floats("proprioception", [F, 5]),
    rewards: floats("rewards", [ticks, SCORED_TASKS.length]),
    success: bytes("success", [ticks, SCORED_TASKS.length]),
    environmentState: floats("environmentState", [F, ENVIRONMENT_STATE.length]),
    task: int32(episodes.map((episode) => episode.task)),
    policy: int32(episodes.map((episode) => episode.policy)),
    seed: int32(seeds),
  };
}

/** Whether the number of that name changes its sign in the mirror: the table's left is the image of its right, to the last cube. */
export const isMirrored = (name: string) => /^(dy|yaw)$|^yaw | sin 4 yaw$|\by \(m\)$/.test(name);

async function writeMeta(
  out: string,
  { ticks, ...settings }: { episodes: number; seed: number; size: number; ticks: number },
): Promise<void> {
  const simulator = await createSimulator({ size: settings.size });
  const { fps, stride, actionSpace, observationSpace, action, proprioception } = simulator.spec;
  await simulator.close();
  const meta = {
    formatVersion: FORMAT_VERSION,
    ...settings,
    fps,
    stride,
    shardEpisodes: SHARD_EPISODES,
    ticks,
    actionSpace,
    observationSpace,
    action,
    proprioception,
    environmentState: ENVIRONMENT_STATE,
    alike: CUBES,
    mirrored: [...action.map(({ name }) => name), ...proprioception, ...ENVIRONMENT_STATE].filter(isMirrored),
    tasks: TASKS,
    rewardTasks: SCORED_TASKS,
    policies: POLICIES,
  };
  const text = `${JSON.stringify(meta, null, 2)}\n`;
  const path = join(out, "meta.json");
  mkdirSync(out, { recursive: true });
  if (existsSync(path) && readFileSync(path, "utf8") !== text) {
    throw new OptionError(
      "data_settings_differ",
      `${path} is of other settings`,
      "use another folder, or the same settings",
      {
        file: path,
        ...settings,
        ticks,
      },
    );
  }
  writeFileSync(path, text);
}
