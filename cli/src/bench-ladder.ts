// `worldstep bench ladder`: what a tick of a dreamed world takes in a plain port to PyTorch, and what each thing that makes it faster buys, rung by
// rung, and costs in its frames.
import { type OpenWorld, openWorld, worldFolder } from "@worldstep/engine";
import { bootstrap, type Metric, mean, median, openDomain, psnr } from "@worldstep/judge";
import { elementCount, WorldError } from "@worldstep/protocols";
import { heldOutSeed } from "@worldstep/sdk";
import { Torch } from "./bench-torch.js";
import { alone, type Episode, HORIZON, MANY, together, torchWays, type Way } from "./bench-ways.js";
import { progressBar } from "./progress.js";

export interface LadderBench {
  readonly world: string;
  /** How old the session is that is timed. */
  readonly ticks: number;
  /** Evaluations a tick of the first rungs. */
  readonly nfe: number;
  /** Held-out episodes that each rung dreams. */
  readonly episodes: number;
  /** How often each rung is timed, all in turn. */
  readonly rounds: number;
  readonly threads?: number;
  readonly torch: boolean;
}

export interface Rung {
  readonly name: string;
  /** Median of rounds; of many sessions, what each tick has of the time of all. */
  readonly msPerTick: number;
  /** How many times as fast as the rung before; below 1 where it is slower. */
  readonly ratio: number;
  /** PSNR of its dreams, after `HORIZON` ticks, against real frames; mean of episodes. */
  readonly psnrDb: number;
  /** What is lost of it since the rung before; below 0 where it gained. */
  readonly lossDb: number;
}

export interface Ladder {
  readonly ladder: readonly Rung[];
  /** Time a tick of the first rung over that of the last; the range is that of rounds. Absent without PyTorch. */
  readonly ladderTotal?: Metric;
  /** PSNR of the first rung's dreams less that of the last's, with 95 % by resampling episodes. */
  readonly ladderLossDb?: Metric;
}

/** Frames that differ by rounding alone are at least so much alike, dB: by less than 2 of 255. */
const SAME = 42;

/**
 * Measures; see docs/command.md for what is what. Throws `WorldFileError`, `OptionError` (`eval_world_unfit`), and `WorldError`
 * (`bench_torch`; `bench_parity` where a rung that should show what the one before it does shows something else).
 */
export async function benchLadder(bench: LadderBench): Promise<Ladder> {
  const { world: folder, ticks, nfe, episodes, rounds, threads, torch } = bench;
  const options = threads === undefined ? {} : { threads };
  const worlds: OpenWorld[] = [];
  const progress = progressBar("bench ladder", "measurements");
  const opened = async (more: Parameters<typeof openWorld>[1] = {}) => {
    const world = await openWorld(folder, { ...options, ...more });
    worlds.push(world);
    return world;
  };
  let python: Torch | undefined;
  try {
    const made = await opened({ keys: "made" });
    const recorded = await record(made, episodes);
    python = torch ? await startTorch(folder, ticks, threads) : undefined;
    const [absorbed, int8] = [await opened(), await opened({ precision: "int8" })];
    const ways = [
      ...(python ? torchWays(python, nfe) : []),
      await alone("compiled graph, keys made at each evaluation", python !== undefined, made, ticks),
      await alone("MLA absorbed, keys never made", true, absorbed, ticks),
      await alone("int8", false, int8, ticks),
      await together(`${MANY} sessions in a batch`, int8, ticks),
      await together("pixels on demand", int8, ticks, { observe: ["state"] }),
    ];
    let done = 0;
    const onDone = (): void => progress.update(++done, ways.length * (1 + rounds));
    const dreams: number[][] = [];
    let before: Uint8Array[] | undefined;
    for (const { name, isSame, dream } of ways) {
      const shown = await dream(recorded);
      if (before && isSame) checkSame(name, shown, before);
      dreams.push(shown.map((frames, i) => psnr(frames, (recorded[i] as Episode).real)));
      before = shown;
      onDone();
    }
    const times = ways.map((): number[] => []);
    for (let round = 0; round < rounds; round++) {
      for (const [i, way] of ways.entries()) {
        (times[i] as number[]).push(await way.time());
        onDone();
      }
    }
    return climbed(ways, times, dreams, python !== undefined);
  } finally {
    progress.stop();
    python?.close();
    for (const world of worlds) await world.close();
  }
}

function climbed(
  ways: readonly Way[],
  times: readonly number[][],
  dreams: readonly number[][],
  isWhole: boolean,
): Ladder {
  const loss = (from: number, to: number): number[] =>
    (dreams[to] as number[]).map((value, i) => ((dreams[from] as number[])[i] as number) - value);
  const ladder = ways.map(({ name }, i) => {
    const before = Math.max(0, i - 1);
    const [slow, fast] = [median(times[before] as number[]), median(times[i] as number[])];
    return {
      name,
      msPerTick: fast,
      ratio: slow / fast,
      psnrDb: mean(dreams[i] as number[]),
      lossDb: mean(loss(before, i)),
    };
  });
  if (!isWhole) return { ladder };
  const [first, last] = [times[0], times.at(-1)] as [number[], number[]];
  const ratios = first.map((time, round) => time / (last[round] as number));
  return {
    ladder,
    ladderTotal: {
      value: median(first) / median(last),
      unit: "ratio",
      low: Math.min(...ratios),
      high: Math.max(...ratios),
      n: ratios.length,
    },
    ladderLossDb: bootstrap(loss(0, dreams.length - 1), "dB", 1, mean),
  };
}

/** Episodes of reality, as the judge has them for its first open-loop dreams. */
async function record({ spec }: OpenWorld, count: number): Promise<Episode[]> {
  const domain = await openDomain("@worldstep/tabletop/domain");
  const size = domain.sizeBeside(spec);
  const reality = await domain.reality({ spec, size, varied: true, filmed: true });
  const [area, block] = [size * size * 3, elementCount(spec.actionSpace.shape)];
  const at = 1 + (HORIZON - 1) * spec.stride;
  const episodes: Episode[] = [];
  for (let i = 0; i < count; i++) {
    const seed = heldOutSeed(1, i);
    const { frames, actions, proprioception } = await domain.record(reality, seed);
    episodes.push({
      seed,
      frame: frames.slice(0, area),
      proprioception: proprioception.slice(0, spec.proprioception.length),
      actions: Array.from({ length: HORIZON }, (_, k) => actions.slice(k * block, (k + 1) * block)),
      real: frames.slice(at * area, (at + spec.stride) * area),
    });
  }
  await reality.close();
  return episodes;
}

async function startTorch(folder: string, ticks: number, threads: number | undefined): Promise<Torch | undefined> {
  const options = ["--ticks", String(ticks)];
  const torch = await Torch.start("bench/torch_ladder.py", worldFolder(folder), threads, options);
  if (typeof torch !== "string") return torch;
  process.stderr.write(`the rungs of PyTorch, ladderTotal and ladderLossDb skipped: ${torch}\n`);
  return undefined;
}

function checkSame(name: string, shown: readonly Uint8Array[], before: readonly Uint8Array[]): void {
  const alike = median(shown.map((frames, i) => psnr(frames, before[i] as Uint8Array)));
  if (alike >= SAME) return;
  const message = `the frames of "${name}" are ${alike.toFixed(1)} dB from those of the rung before, which it should equal`;
  throw new WorldError("bench_parity", message, "run npm test: one of the two is wrong", { alike });
}

/** A table for people. */
export function formatLadder({ ladder, ladderTotal, ladderLossDb }: Ladder): string {
  const width = Math.max(...ladder.map(({ name }) => name.length));
  const line = (name: string, ...cells: readonly string[]) =>
    `${[name.padEnd(width), ...cells.map((cell) => cell.padStart(10))].join("  ").trimEnd()}\n`;
  const digits = (value: number) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));
  const rungs = ladder.map(({ name, msPerTick, ratio, psnrDb, lossDb }, i) => {
    const since = i === 0 ? ["", ""] : [digits(ratio), lossDb.toFixed(3)];
    return line(name, digits(msPerTick), since[0] as string, psnrDb.toFixed(2), since[1] as string);
  });
  const total =
    ladderTotal && ladderLossDb && line("all", "", digits(ladderTotal.value), "", ladderLossDb.value.toFixed(3));
  return [line("rung", "ms a tick", "ratio", "PSNR dB", "loss dB"), ...rungs, total ?? ""].join("");
}
