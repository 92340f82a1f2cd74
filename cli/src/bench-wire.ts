// `worldstep bench wire`: a remote step against the same step in process, and how many steps a second one socket carries.
import { fork } from "node:child_process";
import { once } from "node:events";
import { type Metric, type Metrics, median, quantile } from "@worldstep/judge";
import type { Env } from "@worldstep/protocols";
import { type Connection, connect } from "@worldstep/sdk";
import { processEnded } from "./bench-process.js";
import { CounterEnv } from "./bench-wire-env.js";
import { progressBar } from "./progress.js";

export interface WireBench {
  /** Steps for the overhead. */
  readonly ticks: number;
  /** How long each throughput is measured. */
  readonly seconds: number;
}

const SESSIONS = [1, 8, 32];
const WARM_UP = 500;
/** What is added to a metric's name. */
const CODECS = { msgpack: "", protobuf: "Protobuf" } as const;

/** Measures both codecs; see docs/command.md for what each metric is. Throws `WorldError` (`bench_process`). */
export async function benchWire({ ticks, seconds }: WireBench): Promise<Metrics> {
  const server = fork(new URL("./bench-wire-server.js", import.meta.url));
  const ended = once(server, "exit").then(([code, signal]) => {
    throw processEnded("server", signal ?? code);
  });
  const [url] = (await Promise.race([once(server, "message"), ended])) as [string];
  ended.catch(() => {}); // of what it breaks later, the connection tells
  const metrics: Record<string, Metric> = {};
  const progress = progressBar("bench wire", "measurements");
  const total = Object.keys(CODECS).length * (1 + SESSIONS.length);
  let done = 0;
  try {
    for (const [codec, suffix] of Object.entries(CODECS)) {
      const connection = await connect(url, { codec: codec as keyof typeof CODECS });
      const overhead = await overheads(connection, ticks);
      metrics[`wireOverheadMs${suffix}`] = { value: median(overhead), unit: "ms", n: ticks };
      metrics[`wireOverheadMsP95${suffix}`] = { value: quantile(overhead, 0.95), unit: "ms", n: ticks };
      progress.update(++done, total);
      for (const sessions of SESSIONS) {
        const value = await stepsPerSecond(connection, sessions, seconds);
        metrics[`envStepsPerSecond${sessions}${suffix}`] = { value, unit: "steps/s" };
        progress.update(++done, total);
      }
      await connection.close();
    }
  } finally {
    progress.stop();
    server.disconnect();
  }
  return metrics;
}

/** Times of remote steps, less the median of the same step in process; ms. */
async function overheads(connection: Connection, ticks: number): Promise<number[]> {
  const remote = await connection.open();
  const inProcess = median(await timeSteps(new CounterEnv(), ticks));
  const times = await timeSteps(remote, ticks);
  await remote.close();
  return times.map((time) => time - inProcess);
}

async function timeSteps(env: Env, ticks: number): Promise<number[]> {
  const action = new Float32Array(20).fill(0.5);
  await env.reset({ seed: 1 });
  const times: number[] = [];
  for (let tick = 0; tick < WARM_UP + ticks; tick++) {
    const before = performance.now();
    await env.step(action);
    times.push(performance.now() - before);
  }
  return times.slice(WARM_UP);
}

/** Steps a second of all `sessions` together, each stepping as fast as it gets replies. */
async function stepsPerSecond(connection: Connection, sessions: number, seconds: number): Promise<number> {
  const action = new Float32Array(20).fill(0.5);
  const envs = await Promise.all(Array.from({ length: sessions }, () => connection.open()));
  await Promise.all(envs.map((env) => env.reset({ seed: 1 })));
  const begun = performance.now();
  const end = begun + 1000 * seconds;
  const counts = await Promise.all(
    envs.map(async (env) => {
      let steps = 0;
      for (; performance.now() < end; steps++) await env.step(action);
      return steps;
    }),
  );
  const elapsed = (performance.now() - begun) / 1000;
  await Promise.all(envs.map((env) => env.close()));
  return counts.reduce((sum, steps) => sum + steps, 0) / elapsed;
}
