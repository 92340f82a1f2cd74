// `worldstep bench guard`: an adversary beside a client that steps. The server is the real command, in a process of its own
// whose log nobody reads; so is the adversary. The client steps the same episode in peace and under each attack.
import { type ChildProcess, execFile, fork, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as after } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Metric, type Metrics, median } from "@worldstep/judge";
import type { Observation } from "@worldstep/protocols";
import { type Connection, connect, type RemoteStreamEnv } from "@worldstep/sdk";
import { progressBar } from "./progress.js";

export interface GuardBench {
  /** Folder of the world. */
  readonly world: string;
  /** Ticks of the episode. */
  readonly ticks: number;
}

export const ATTACKS = ["fuzz", "floods", "headers", "watchers", "connections"] as const;
export type Attack = (typeof ATTACKS)[number];

const WARM_UP = 30;
/** An attack is over after this time, though not all ticks are made. */
const LONGEST_MS = 12_000;
const SAMPLE_MS = 250;
/** A server that takes longer than this to end is killed. */
const END_MS = 15_000;

/** Measures; see docs/command.md for what each metric is. */
export async function benchGuard({ world, ticks }: GuardBench): Promise<Metrics> {
  const progress = progressBar("bench guard", "attacks");
  const server = await Served.start(world);
  let adversary: ChildProcess | undefined;
  try {
    const victim = await connect(server.url);
    const env = await victim.open();
    await episode(env, WARM_UP);
    const peace = [await episode(env, ticks)];
    const memory = new Memory(server.pid);
    const beginMb = await memory.nowMb();
    memory.watch();
    const attacked: Record<string, Episode> = {};
    for (const [i, attack] of ATTACKS.entries()) {
      const { spec } = env;
      const args = [server.port, attack, spec.id, ...spec.actionSpace.shape].map(String);
      adversary = fork(new URL("./bench-guard-adversary.js", import.meta.url), args);
      await once(adversary, "message");
      attacked[attack] = await episode(env, ticks);
      if (adversary.exitCode !== null) throw new Error(`the adversary of ${attack} has ended`);
      // The last one stays, and is there when the server is told to end.
      if (i < ATTACKS.length - 1) {
        adversary.kill("SIGKILL");
        await after(500);
        peace.push(await episode(env, Math.ceil(ticks / 4)));
      }
      progress.update(i + 1, ATTACKS.length);
    }
    const growth = memory.stop() - beginMb;
    const sigterm = await server.end(victim, env);
    return metricsOf(peace, attacked, growth, sigterm, server.crashes);
  } finally {
    adversary?.kill("SIGKILL");
    server.kill();
    progress.stop();
  }
}

function metricsOf(
  peace: readonly Episode[],
  attacked: Readonly<Record<string, Episode>>,
  growth: number,
  sigterm: number,
  crashes: number,
): Metrics {
  const calm = median(peace.flatMap(({ stepMs }) => stepMs));
  const [first] = peace as [Episode];
  const equal = [...peace, ...Object.values(attacked)].every(({ hashes }) =>
    hashes.every((hash, tick) => tick >= first.hashes.length || hash === first.hashes[tick]),
  );
  const all = Object.values(attacked).flatMap(({ stepMs }) => stepMs);
  const metrics: Record<string, Metric> = {
    crashes: { value: crashes, unit: "" },
    victimSlowdown: { value: median(all) / calm, unit: "times", n: all.length },
    serverGrowthMb: { value: growth, unit: "MB" },
    victimBitsEqual: { value: Number(equal), unit: "" },
    sigtermSeconds: { value: sigterm, unit: "s" },
    victimStepMs: { value: calm, unit: "ms", n: peace.reduce((sum, { stepMs }) => sum + stepMs.length, 0) },
  };
  for (const [attack, { stepMs }] of Object.entries(attacked)) {
    const name = `slowdown${attack[0]?.toUpperCase()}${attack.slice(1)}`;
    metrics[name] = { value: median(stepMs) / calm, unit: "times", n: stepMs.length };
  }
  return metrics;
}

interface Episode {
  readonly stepMs: number[];
  /** Of each tick: what it showed. */
  readonly hashes: string[];
}

/** The same episode each time, up to `ticks` or `LONGEST_MS`. */
async function episode(env: RemoteStreamEnv, ticks: number): Promise<Episode> {
  const { actionSpace } = env.spec;
  const action = new Float32Array(actionSpace.shape.reduce((a, b) => a * b, 1));
  const { observation } = await env.reset({ seed: 7, maxTicks: 0 });
  const stepMs: number[] = [];
  const hashes = [hashOf(observation, 0)];
  const end = performance.now() + LONGEST_MS;
  for (let tick = 1; tick <= ticks && performance.now() < end; tick++) {
    for (let i = 0; i < action.length; i++) action[i] = Math.sin(tick / 7 + i) / 2;
    const begun = performance.now();
    const step = await env.step(action);
    stepMs.push(performance.now() - begun);
    hashes.push(hashOf(step.observation, step.reward));
  }
  return { stepMs, hashes };
}

function hashOf(observation: Observation, reward: number): string {
  const hash = createHash("sha256").update(String(reward));
  for (const { data } of Object.values(observation)) hash.update(data);
  return hash.digest("hex");
}

/** The resident memory of a process. */
class Memory {
  private mostMb = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly pid: number) {}

  async nowMb(): Promise<number> {
    const { stdout } = await promisify(execFile)("ps", ["-o", "rss=", "-p", String(this.pid)]);
    return Number(stdout) / 1024;
  }

  watch(): void {
    this.timer = setInterval(() => {
      this.nowMb().then(
        (mb) => {
          this.mostMb = Math.max(this.mostMb, mb);
        },
        () => undefined, // it has ended
      );
    }, SAMPLE_MS);
  }

  /** The most that was seen. */
  stop(): number {
    clearInterval(this.timer);
    return this.mostMb;
  }
}

/** `worldstep serve` in a process of its own. */
class Served {
  crashes = 0;
  private isTold = false;

  private constructor(
    private readonly process: ChildProcess,
    readonly url: string,
  ) {
    process.once("exit", () => {
      if (!this.isTold) this.crashes += 1;
    });
  }

  static async start(world: string): Promise<Served> {
    const main = fileURLToPath(new URL("./main.js", import.meta.url));
    const args = ["serve", "--world", world, "--no-simulator", "--port", "0", "--log-level", "info"];
    const child = spawn(process.execPath, [main, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, WORLDSTEP_TOKEN: undefined },
    });
    for await (const line of createInterface({ input: child.stdout as Readable })) {
      const url = line.match(/ws:\S+/)?.[0];
      if (url) return new Served(child, url);
    }
    throw new Error("the server did not start");
  }

  get pid(): number {
    return this.process.pid as number;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Seconds from SIGTERM to the end, while the client's longest chunk runs. */
  async end(victim: Connection, env: RemoteStreamEnv): Promise<number> {
    if (this.crashes > 0) return Number.NaN;
    const { actionSpace, chunk = 1, nfe } = env.spec;
    const action = new Float32Array(actionSpace.shape.reduce((a, b) => a * b, 1));
    await env.reset({ seed: 7, maxTicks: 0 });
    const running = env.stepChunk?.(Array(chunk).fill(action), nfe ? { nfe: nfe.max } : {});
    running?.catch(() => undefined);
    await after(5);
    this.isTold = true;
    const begun = performance.now();
    const ended = once(this.process, "exit");
    this.process.kill("SIGTERM");
    await Promise.race([ended, after(END_MS)]);
    const seconds = (performance.now() - begun) / 1000;
    victim.close().catch(() => undefined);
    return seconds;
  }

  kill(): void {
    this.isTold = true;
    this.process.kill("SIGKILL");
  }
}
