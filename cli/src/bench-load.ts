// `worldstep bench load`: many sessions of a dreamed world at a time, in this process and over one socket.
import { execFile, fork, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { openWorld } from "@worldstep/engine";
import { type Metric, type Metrics, quantile } from "@worldstep/judge";
import { type Env, elementCount, type StepOptions, snapshot } from "@worldstep/protocols";
import { connect } from "@worldstep/sdk";
import { addressOf, processEnded } from "./bench-process.js";
import { progressBar } from "./progress.js";

export interface LoadBench {
  readonly world: string;
  /** How long each throughput is measured; of 64 sessions three times as long. */
  readonly seconds: number;
}

const SESSIONS = [1, 8, 64];
const MOST = 64;
/** Ticks of each session before it is measured: it has room for its tensors then. */
const WARM_UP = 2;
/** What is measured, for the progress. */
const TOTAL = 2 + 2 * SESSIONS.length + 1;

interface Load {
  readonly ticksPerSecond: number;
  /** Ticks of the slowest session over those of the fastest. */
  readonly fairness: number;
}

/** Measures; see docs/command.md for what each metric is. Throws `WorldFileError`, and `WorldError` (`bench_process`). */
export async function benchLoad({ world: folder, seconds }: LoadBench): Promise<Metrics> {
  const progress = progressBar("bench load", "measurements");
  let done = 0;
  const onDone = (): void => progress.update(++done, TOTAL);
  try {
    const inProcess = await loadInProcess(folder, seconds, onDone);
    const one = await residentMb(folder, 1);
    onDone();
    const eight = await residentMb(folder, 8);
    onDone();
    const mb = (value: number): Metric => ({ value, unit: "MB" });
    return {
      ...inProcess,
      ...(await loadOverSocket(folder, seconds, onDone)),
      residentMb1Chunk: mb(one),
      residentMb8Chunks: mb(eight),
      residentMb8Over1: { value: eight / one, unit: "ratio" },
    };
  } finally {
    progress.stop();
  }
}

async function loadInProcess(folder: string, seconds: number, onDone: () => void): Promise<Metrics> {
  const world = await openWorld(folder);
  try {
    const envs = await opened(() => world.open());
    const loads: Load[] = [];
    const resident: number[] = [];
    for (const sessions of SESSIONS) {
      loads.push(await load(envs.slice(0, sessions), sessions === MOST ? 3 * seconds : seconds));
      resident.push(process.memoryUsage.rss());
      onDone();
    }
    const stateOnly = await load(envs, seconds, { observe: ["state"] });
    onDone();
    const [single, most] = [loads[0], loads.at(-1)] as [Load, Load];
    const bytes = (value: number): Metric => ({ value, unit: "bytes" });
    return {
      ...rates("ticksPerSecond", loads),
      batchSpeedup64: { value: most.ticksPerSecond / single.ticksPerSecond, unit: "ratio" },
      stateOnlySpeedup64: { value: stateOnly.ticksPerSecond / most.ticksPerSecond, unit: "ratio" },
      fairness64: { value: most.fairness, unit: "ratio", n: MOST },
      bytesPerSession: bytes((await snapshot(envs[0] as Env)).byteLength),
      residentBytesPerSession: bytes(((resident.at(-1) as number) - (resident[0] as number)) / (MOST - 1)),
    };
  } finally {
    await world.close();
  }
}

async function loadOverSocket(folder: string, seconds: number, onDone: () => void): Promise<Metrics> {
  const server = fork(fileURLToPath(new URL("./bench-world-server.js", import.meta.url)), [folder]);
  try {
    const url = await addressOf(server);
    const connection = await connect(url);
    const envs = await opened(() => connection.open());
    const loads: Load[] = [];
    let pinged = { pings: [0], healthz: [0] };
    for (const sessions of SESSIONS) {
      const pinging = sessions === MOST ? pingServer(url) : undefined;
      loads.push(await load(envs.slice(0, sessions), sessions === MOST ? 3 * seconds : seconds));
      pinged = (await pinging?.()) ?? pinged;
      onDone();
    }
    await connection.close();
    const p99 = (values: number[]): Metric => ({ value: quantile(values, 0.99), unit: "ms", n: values.length });
    const most = loads.at(-1) as Load;
    return {
      ...rates("ticksPerSecondSocket", loads),
      fairnessSocket64: { value: most.fairness, unit: "ratio", n: MOST },
      pingP99Ms: p99(pinged.pings),
      healthzP99Ms: p99(pinged.healthz),
    };
  } finally {
    server.disconnect();
  }
}

function rates(name: string, loads: readonly Load[]): Metrics {
  const entries = loads.map(({ ticksPerSecond }, i) => {
    return [`${name}${SESSIONS[i]}`, { value: ticksPerSecond, unit: "ticks/s" }] as const;
  });
  return Object.fromEntries(entries);
}

async function opened(open: () => Promise<Env>): Promise<Env[]> {
  const envs = await Promise.all(Array.from({ length: MOST }, open));
  await Promise.all(envs.map((env, i) => env.reset({ seed: i, maxTicks: 0 })));
  return envs;
}

/** What all `envs` do together, each stepping at random as fast as it gets results. */
async function load(envs: readonly Env[], seconds: number, options: StepOptions = {}): Promise<Load> {
  const step = (env: Env) => env.step(random(env), { ...options, nfe: 1 });
  await Promise.all(
    envs.map(async (env) => {
      for (let tick = 0; tick < WARM_UP; tick++) await step(env);
    }),
  );
  const begun = performance.now();
  const end = begun + 1000 * seconds;
  const ticks = await Promise.all(
    envs.map(async (env) => {
      let ticks = 0;
      for (; performance.now() < end; ticks++) await step(env);
      return ticks;
    }),
  );
  const elapsed = (performance.now() - begun) / 1000;
  return {
    ticksPerSecond: ticks.reduce((sum, count) => sum + count, 0) / elapsed,
    fairness: Math.min(...ticks) / Math.max(...ticks),
  };
}

function random({ spec: { actionSpace } }: Env): Float32Array {
  const { low, high, shape } = actionSpace;
  return Float32Array.from({ length: elementCount(shape) }, () => low + Math.random() * (high - low));
}

/** Pings the server until it is called again; gives the times. */
function pingServer(url: string): () => Promise<{ pings: number[]; healthz: number[] }> {
  const child = fileURLToPath(new URL("./bench-load-ping.js", import.meta.url));
  const ping = spawn(process.execPath, [child, url.replace("ws", "http")], { stdio: ["pipe", "pipe", "inherit"] });
  let told = "";
  ping.stdout.on("data", (part) => {
    told += part;
  });
  const ended = new Promise<void>((resolve, reject) => {
    ping.once("close", (code) => (code === 0 ? resolve() : reject(processEnded("ping", code))));
  });
  return async () => {
    ping.stdin.end();
    await ended;
    return JSON.parse(told);
  };
}

/** Of a process that stepped in chunks of 1 to `most` ticks. */
async function residentMb(folder: string, most: number): Promise<number> {
  const child = fileURLToPath(new URL("./bench-load-chunks.js", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [child, folder, String(most)]).catch(
    (error: { readonly code: unknown; readonly signal: unknown }) => {
      throw processEnded("chunks", error.signal ?? error.code, error);
    },
  );
  return Number(stdout);
}
