// `worldstep rollout`: a script of actions in; video, pictures and numbers out, with the simulator beside it on request.
import { writeFile } from "node:fs/promises";
import type { OpenWorld } from "@worldstep/engine";
import { encodePng, type Frame, tile } from "@worldstep/judge";
import {
  byteTensor,
  type EnvSpec,
  type FloatTensor,
  floatTensor,
  OptionError,
  type ResetOptions,
} from "@worldstep/protocols";
import { cutPlan } from "@worldstep/sdk";
import { Command } from "commander";
import { wholeNumber } from "./numbers.js";
import { readyFiles } from "./output.js";
import { type Progress, progressBar } from "./progress.js";
import { actionsOf, readScript, type Script } from "./script.js";
import { runTrack, type Track } from "./track.js";
import { ownVersion, versionOf } from "./versions.js";

const VIDEO_SCALE = 4;
const STRIP_SCALE = 2;
const STRIP_COLUMNS = 12;

interface Options {
  readonly world?: string;
  readonly script: string;
  readonly out: string;
  readonly real: boolean;
  readonly gif: boolean;
  readonly mcap: boolean;
  readonly chunks: boolean;
  readonly every?: number;
  readonly nfe?: number;
  readonly seed?: number;
}

export function rolloutCommand(): Command {
  return new Command("rollout")
    .description("Play a script of actions in a world. Writes PREFIX.mp4, PREFIX.png (a strip) and PREFIX.json.")
    .requiredOption("--script <file>", "JSON: seed, task, and actions, moves or spline; see docs/command.md")
    .requiredOption("--out <prefix>", "path of the results, without the extension; folders are made")
    .option("--world <path>", "folder, URL or id of the world; default the one that the script names")
    .option("--real", "also run the MuJoCo simulator; the dream starts from its first frame", false)
    .option("--gif", "also write PREFIX.gif", false)
    .option("--mcap", "also write PREFIX.mcap, which opens in Foxglove", false)
    .option(
      "--every <n>",
      `ticks from one picture of the strip to the next; default for ${STRIP_COLUMNS} pictures`,
      wholeNumber(1),
    )
    .option("--nfe <n>", "denoiser evaluations a tick, instead of the script's", wholeNumber(1))
    .option("--chunks", "cut the actions into chunks by what they do, and denoise each jointly", false)
    .option("--seed <n>", "instead of the script's", wholeNumber(0))
    .action(run);
}

async function run(options: Options): Promise<void> {
  const script = await readScript(options.script);
  const folder = options.world ?? script.world;
  if (folder === undefined) {
    throw new OptionError("option_world", "no world is named", "give --world, or name one in the script");
  }
  await readyFiles(options.out, extensionsOf(options));
  const { openWorld } = await import("@worldstep/engine");
  const world = await openWorld(folder);
  const progress = progressBar("rollout", "ticks");
  try {
    const files = await writeRollout(world, script, options, progress);
    process.stdout.write(`${files.join("\n")}\n`);
  } finally {
    progress.stop();
    await world.close();
  }
}

function extensionsOf({ gif, mcap }: Options): string[] {
  return [".mp4", ".png", ...(gif ? [".gif"] : []), ...(mcap ? [".mcap"] : []), ".json"];
}

async function writeRollout(world: OpenWorld, script: Script, options: Options, progress: Progress): Promise<string[]> {
  const { spec } = world;
  const actions = actionsOf(script, spec, options.script);
  const seed = options.seed ?? script.seed;
  const nfe = options.nfe ?? script.nfe ?? spec.nfe?.default;
  const start: ResetOptions = { seed, task: script.task, maxTicks: 0 };
  const total = actions.length * (options.real ? 2 : 1);
  const real = options.real ? await runReal(spec, script, start, actions, counted(progress, 0, total)) : undefined;
  const env = await world.open();
  const dreamed = await runTrack(
    env,
    { ...start, ...(script.start !== undefined && { start: script.start }), ...(real && firstObservation(real)) },
    options.chunks ? cutPlan(spec, actions) : tickByTick(actions),
    nfe === undefined ? {} : { nfe },
    counted(progress, total - actions.length, total),
  );
  await env.close();

  const tracks = real ? { real, dreamed } : { dreamed };
  const { encodeGif, encodeMp4 } = await import("./media.js");
  const pictures = videoRows(Object.values(tracks)).map((row) => tile([row], VIDEO_SCALE));
  const files = new Map<string, string | Uint8Array>();
  files.set(`${options.out}.mp4`, await encodeMp4(pictures, spec.fps));
  files.set(
    `${options.out}.png`,
    encodePng(tile(stripRows(Object.values(tracks), spec.stride, options.every), STRIP_SCALE)),
  );
  if (options.gif) files.set(`${options.out}.gif`, encodeGif(pictures, spec.fps));
  if (options.mcap) {
    const taken = actions.slice(0, Math.max(...Object.values(tracks).map(({ rewards }) => rewards.length)));
    const { encodeMcap } = await import("./mcap.js");
    files.set(`${options.out}.mcap`, await encodeMcap(spec, tracks, taken));
  }
  const results = {
    world: { id: spec.id, hash: world.hash },
    versions: { worldstep: ownVersion(), "onnxruntime-node": versionOf("onnxruntime-node"), node: process.version },
    script: options.script,
    seed,
    task: script.task,
    start: script.start ?? null,
    nfe: nfe ?? null,
    chunks: options.chunks,
    fps: spec.fps,
    stride: spec.stride,
    proprioceptionNames: spec.proprioception,
    ...Object.fromEntries(Object.entries(tracks).map(([name, track]) => [name, numbersOf(track)])),
  };
  files.set(`${options.out}.json`, `${JSON.stringify(results, null, 2)}\n`);
  for (const [path, data] of files) await writeFile(path, data);
  return [...files.keys()];
}

async function runReal(
  spec: EnvSpec,
  script: Script,
  start: ResetOptions,
  actions: readonly FloatTensor[],
  onTick: () => void,
): Promise<Track> {
  if (script.start !== undefined) {
    const remedy = "leave out --real, or the script's start";
    throw new OptionError("option_real", "the simulator has no named start states", remedy, { start: script.start });
  }
  const { createSimulator, differenceOf, sizeBeside } = await import("@worldstep/tabletop");
  const simulator = await createSimulator({ size: sizeBeside(spec) });
  const difference = differenceOf(spec, simulator.spec);
  if (difference !== undefined) {
    const { what, world, simulator: wanted } = difference;
    throw new OptionError(
      "option_real",
      `the ${what} of ${spec.id} is ${JSON.stringify(world)}; the simulator has ${JSON.stringify(wanted)}`,
      "leave out --real: there is no ground truth for this world",
    );
  }
  const track = await runTrack(simulator, start, tickByTick(actions), {}, onTick);
  await simulator.close();
  return track;
}

// The dream begins where the simulator begins: both rows of the strip show one scene.
function firstObservation({ frames, proprioception }: Track): ResetOptions {
  const { height, width, data } = frames[0] as Frame;
  const pose = Float32Array.from(proprioception[0] as readonly number[]);
  return { frames: byteTensor(data, [1, height, width, 3]), proprioception: floatTensor(pose, [pose.length]) };
}

/** Frame by frame, the tracks side by side; one that ended early stands still. */
function videoRows(tracks: readonly Track[]): Frame[][] {
  const length = Math.max(...tracks.map(({ frames }) => frames.length));
  return Array.from({ length }, (_, i) => tracks.map(({ frames }) => frames[Math.min(i, frames.length - 1)] as Frame));
}

/** One row a track: the first frame, and the last of every `every`th tick. */
function stripRows(tracks: readonly Track[], stride: number, every: number | undefined): Frame[][] {
  const ticks = Math.max(...tracks.map(({ rewards }) => rewards.length));
  const step = stride * (every ?? Math.ceil((ticks + 1) / STRIP_COLUMNS));
  return tracks.map(({ frames }) => frames.filter((_, i) => i % step === 0));
}

function numbersOf({ frames: _, ...track }: Track): object {
  return { ticks: track.rewards.length, success: track.terminated, ...track };
}

function tickByTick(actions: readonly FloatTensor[]): FloatTensor[][] {
  return actions.map((action) => [action]);
}

function counted(progress: Progress, done: number, total: number): () => void {
  let count = done;
  return () => progress.update(++count, total);
}
