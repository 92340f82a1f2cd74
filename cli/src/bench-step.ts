// `worldstep bench step`: the whole `env.step` of a dreamed world in this process, from the action to the frames.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type OpenWorldOptions, openWorld, worldFolder } from "@worldstep/engine";
import { type Metric, type Metrics, median, quantile } from "@worldstep/judge";
import { type Env, elementCount, stepChunk } from "@worldstep/protocols";
import { processEnded } from "./bench-process.js";
import { Torch } from "./bench-torch.js";
import { progressBar } from "./progress.js";

export interface StepBench {
  readonly world: string;
  /** Length of the long session. */
  readonly ticks: number;
  readonly precision?: "fp32" | "int8";
  readonly threads?: number;
  readonly torch: boolean;
}

const FRESH_PROCESSES = 3;
const WARM_UP = 20;
const RATE_TICKS = 200;
const LATE = 3000;
/** `lateOverEarly`: old and young session step so many ticks in turn, so many times. */
const TURN_TICKS = 10;
const TURNS = 10;
const MEMORY_SETTLED = 300;
const TORCH_ROUNDS = 4;
const TORCH_TICKS = 60;
const BLOCKS = 64;

/** Measures; see docs/command.md for what each metric is. Throws `WorldFileError`, and `WorldError` (`bench_process`). */
export async function benchStep({ world: folder, ticks, torch, ...options }: StepBench): Promise<Metrics> {
  const world = await openWorld(folder, options); // before the fresh processes: what is wrong with it is said here
  const progress = progressBar("bench step", "ticks");
  const total = ticks + 2 * (WARM_UP + RATE_TICKS);
  let done = 0;
  const onTick = (): void => progress.update(++done, total);
  try {
    const firstFrame = await firstFrameMs(folder, options);
    const rate1 = await framesPerSecond(await world.open(), 1, onTick);
    const rate4 = await framesPerSecond(await world.open(), 4, onTick);
    const old = await world.open();
    const long = await longSession(old, ticks, onTick);
    const { stepMs } = long;
    const tail = stepMs.slice(WARM_UP);
    const ms = (value: number, n = tail.length): Metric => ({ value, unit: "ms", n });
    const metrics: Record<string, Metric> = {
      framesPerSecond1Nfe: rate1,
      framesPerSecond4Nfe: rate4,
      stepMsP50: ms(median(tail)),
      stepMsP95: ms(quantile(tail, 0.95)),
      stepMsP99: ms(quantile(tail, 0.99)),
      firstFrameMs: ms(firstFrame, FRESH_PROCESSES),
      residentMb: { value: long.residentMb, unit: "MB" },
    };
    if (ticks > MEMORY_SETTLED) {
      metrics.residentMbGrowth = { value: long.residentMb - long.settledMb, unit: "MB" };
    }
    if (ticks >= LATE) metrics.lateOverEarly = await lateOverEarly(old, await world.open());
    await old.close();
    if (world.spec.chunk !== undefined)
      metrics.chunkOverTick = await chunkOverTick(await world.open(), world.spec.chunk);
    progress.stop();
    const speedup = torch ? await speedupOverTorch(await world.open(), folder, options.threads) : undefined;
    return speedup ? { ...metrics, speedupOverTorch: speedup } : metrics;
  } finally {
    progress.stop();
    await world.close();
  }
}

/** From the start of a process to the first observation of the world, median of several processes. */
async function firstFrameMs(folder: string, options: OpenWorldOptions): Promise<number> {
  const child = fileURLToPath(new URL("./bench-first-frame.js", import.meta.url));
  const times: number[] = [];
  for (let i = 0; i < FRESH_PROCESSES; i++) {
    const { stdout } = await promisify(execFile)(process.execPath, [child, folder, JSON.stringify(options)]).catch(
      (error: { readonly code: unknown; readonly signal: unknown }) => {
        throw processEnded("first frame", error.signal ?? error.code, error);
      },
    );
    times.push(Number(stdout));
  }
  return median(times);
}

async function framesPerSecond(env: Env, nfe: number, onTick: () => void): Promise<Metric> {
  await env.reset({ seed: 1, maxTicks: 0 });
  await timeSteps(env, WARM_UP, nfe, onTick);
  const times = await timeSteps(env, RATE_TICKS, nfe, onTick);
  await env.close();
  const rate = (milliseconds: number): number => (1000 * env.spec.stride) / milliseconds;
  const mean = times.reduce((sum, time) => sum + time, 0) / times.length;
  return { value: rate(mean), unit: "frames/s", n: times.length };
}

async function longSession(
  env: Env,
  ticks: number,
  onTick: () => void,
): Promise<{ stepMs: readonly number[]; residentMb: number; settledMb: number }> {
  await env.reset({ seed: 1, maxTicks: 0 });
  const settled = Math.min(MEMORY_SETTLED, ticks);
  const early = await timeSteps(env, settled, 1, onTick);
  const settledMb = residentMb();
  const late = await timeSteps(env, ticks - settled, 1, onTick);
  return { stepMs: [...early, ...late], residentMb: residentMb(), settledMb };
}

/**
 * The step of a session that is `LATE` ticks old over that of a young one. The two step in turn: seconds apart, the machine's own
 * moods (clock, where threads lie) made the same ratio 0.86 to 1.19.
 */
async function lateOverEarly(old: Env, young: Env): Promise<Metric> {
  await young.reset({ seed: 1, maxTicks: 0 });
  await timeSteps(young, WARM_UP, 1);
  const [late, early]: [number[], number[]] = [[], []];
  for (let turn = 0; turn < TURNS; turn++) {
    late.push(...(await timeSteps(old, TURN_TICKS, 1)));
    early.push(...(await timeSteps(young, TURN_TICKS, 1)));
  }
  await young.close();
  return { value: median(late) / median(early), unit: "ratio", n: late.length };
}

/** A tick of a chunk of `length` over a tick alone, at 1 NFE; chunks and as many ticks alone in turn. */
async function chunkOverTick(env: Env, length: number): Promise<Metric> {
  await env.reset({ seed: 1, maxTicks: 0 });
  await timeSteps(env, WARM_UP, 1);
  const blocks = actionBlocks(env);
  const ratios: number[] = [];
  for (let turn = -1; turn < TURNS; turn++) {
    const plan = Array.from({ length }, (_, k) => blocks[(turn * length + k + BLOCKS) % BLOCKS] as Float32Array);
    const before = performance.now();
    await stepChunk(env, plan, { nfe: 1 });
    const chunk = (performance.now() - before) / length;
    const alone = median(await timeSteps(env, TURN_TICKS, 1));
    if (turn >= 0) ratios.push(chunk / alone); // the first chunk of a length finds room for its tensors
  }
  await env.close();
  return { value: median(ratios), unit: "ratio", low: Math.min(...ratios), high: Math.max(...ratios), n: TURNS };
}

/** Rounds of ours and PyTorch's in turn, so that both meet the machine in the same mood; the range is that of rounds. */
async function speedupOverTorch(env: Env, folder: string, threads: number | undefined): Promise<Metric | undefined> {
  const torch = await Torch.start("bench/torch_step.py", worldFolder(folder), threads);
  if (typeof torch === "string") {
    process.stderr.write(`speedupOverTorch skipped: ${torch}\n`);
    return undefined;
  }
  const progress = progressBar(`beside ${torch.version}`, "rounds");
  const ratios: number[] = [];
  try {
    await env.reset({ seed: 1, maxTicks: 0 });
    for (let round = 0; round < TORCH_ROUNDS; round++) {
      const ours = median((await timeSteps(env, WARM_UP + TORCH_TICKS, 1)).slice(WARM_UP));
      ratios.push(Number(await torch.ask(String(TORCH_TICKS))) / ours);
      progress.update(round + 1, TORCH_ROUNDS);
    }
  } finally {
    progress.stop();
    torch.close();
  }
  await env.close();
  const [low, high] = [Math.min(...ratios), Math.max(...ratios)];
  return { value: median(ratios), unit: "ratio", low, high, n: TORCH_ROUNDS };
}

async function timeSteps(env: Env, ticks: number, nfe: number, onTick = (): void => {}): Promise<number[]> {
  const blocks = actionBlocks(env);
  const times: number[] = [];
  for (let tick = 0; tick < ticks; tick++) {
    const before = performance.now();
    await env.step(blocks[tick % BLOCKS] as Float32Array, { nfe });
    times.push(performance.now() - before);
    onTick();
  }
  return times;
}

// Slow waves, other ones in every channel: the arm wanders about.
function actionBlocks(env: Env): Float32Array[] {
  const size = elementCount(env.spec.actionSpace.shape);
  return Array.from({ length: BLOCKS }, (_, t) =>
    Float32Array.from({ length: size }, (_, i) => Math.sin((2 * Math.PI * t * ((i % 5) + 1)) / BLOCKS)),
  );
}

function residentMb(): number {
  return process.memoryUsage.rss() / 1e6;
}
