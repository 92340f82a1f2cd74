// world.json, version 3: what a world is made of, and all sizes and constants of its networks, as the PyTorch that trained
// it had them. docs/world-format.md explains it field by field.
import { CHANNEL_KINDS, WorldFileError } from "@worldstep/protocols";
import { z } from "zod";
import { upgrade } from "./upgrade.js";

export const WORLD_FORMAT = "worldstep.world.v3";

const count = z.number().int().min(1).max(65_536);
const names = z.array(z.string().min(1)).min(1).max(4096);
/** A file beside world.json: no folders. */
const file = z
  .string()
  .max(255)
  .regex(/^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/);
const channel = z.strictObject({
  name: z.string().min(1),
  unit: z.string().min(1).exactOptional(),
  low: z.number(),
  high: z.number(),
  kind: z.enum(CHANNEL_KINDS),
  /** What holds still; absent where saying the same again does. */
  idle: z.number().exactOptional(),
});
const stateChannel = z.strictObject({
  name: z.string().min(1),
  unit: z.string().min(1).exactOptional(),
  mean: z.number(),
  std: z.number().positive(),
});
const camera = z.strictObject({
  name: z.string().min(1),
  /** Pixels. */
  height: count.max(4096).multipleOf(16),
  width: count.max(4096).multipleOf(16),
});
/** Of Fourier features: radians that a number turns by while it grows by 1. */
const frequencies = z.array(z.number().positive().max(65_536)).min(1).max(64);
/** What is no further from 0 than this is 0. */
const deadband = z.number().min(0).max(1000);
/** 3x3 convolutions, one behind the other. */
const convolutions = z
  .array(z.strictObject({ stride: z.union([z.literal(1), z.literal(2)]), channels: count }))
  .min(1)
  .max(16);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

export const worldSchema = z
  .strictObject({
    format: z.literal(WORLD_FORMAT),
    id: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
    description: z.string(),
    /** Frames a second. */
    fps: z.number().positive(),
    /** Frames, and rows of the action block, a tick. */
    stride: count.max(64),
    cameras: z.array(camera).min(1).max(64),
    /** What `step` takes lies in [low, high]; of each channel these two mean its own `low` and `high`, in its `unit`. */
    action: z.strictObject({ low: z.number(), high: z.number(), channels: z.array(channel).min(1).max(4096) }),
    /**
     * The state vector: what a tick says in numbers, and what moves the next one on. The network's numbers times `std` plus
     * `mean` have the channel's unit.
     */
    state: z.strictObject({
      channels: z.array(stateChannel).min(1).max(4096),
      /** How many of the channels, the first, are the robot's own; the others are what the logs knew of things. */
      proprioception: count.max(4096),
      /** What is shown of the robot's own is kept in [low, high]. */
      low: z.number(),
      high: z.number(),
      /** Things that are alike but for their looks; the names of their channels begin with them. */
      alike: names.exactOptional(),
    }),
    /** The first has no reward and never terminates; the others are the heads' outputs, in order. */
    tasks: names,
    /** Default time limit of an episode in ticks; 0 for never. */
    maxTicks: z.number().int().min(0),
    /** Whether a session has the same bits whatever else runs, or only in the same batch. */
    determinism: z.enum(["bitwise", "batch"]),
    tokenizer: z.strictObject({
      kind: z.literal("causal-conv"),
      file,
      latentChannels: count,
      /** Channels at 1/2, 1/4, 1/8 and 1/16 of the frame. */
      widths: z.tuple([count, count, count, count]),
      /** Channels of what says which pixels of the first frame are kept. */
      kept: count,
      /** Numbers that say how an episode looks where no state does; 0 for none. */
      appearance: z.number().int().min(0).max(4096),
      /** Of the two networks that read numbers from a frame: the state, and the appearance. */
      reader: z.strictObject({ near: convolutions, far: convolutions, maps: count, whole: count, features: count }),
      /** Of the network that draws a frame from the state. */
      renderer: z.strictObject({
        width: count,
        points: count,
        hidden: count,
        channels: count,
        /** Radians a standard deviation. */
        stateFrequencies: frequencies,
        /** Radians half a picture. */
        placeFrequencies: frequencies,
      }),
    }),
    dynamics: z.strictObject({
      kind: z.literal("block-causal-dit"),
      file,
      /** Latent tokens a tick, L. */
      tokens: count,
      width: count,
      /** Kind of each block: `w` attends to the sink and a window of ticks, `m` has a memory of all ticks. */
      blocks: z.string().regex(/^[mw]{1,256}$/),
      heads: count,
      /** Numbers that a window block keeps of a token, beside the rotary ones. */
      latent: count,
      /** Radians by which a pair of a key's rotary numbers is turned a tick; as many pairs turn a row, and a column. */
      rotary: frequencies,
      /** Experts of a block's feed-forward, of which a tick uses one. */
      experts: count.max(64),
      mlpRatio: count.max(16),
      condWidth: count,
      /** Ticks after the sink that a tick attends to. */
      window: count.max(4096),
      /** Most ticks that are denoised jointly. */
      chunk: count.max(64),
      /** The noise level that the context is said to have, in [0, 1]. */
      contextLevel: z.number().min(0).max(1),
      /** Noise levels are given as so many sines and cosines, the fastest of which turns by so much at level 1. */
      levels: z.strictObject({
        size: count.min(4).max(4096).multipleOf(2),
        radians: z.number().positive().max(65_536),
      }),
      /** Radians a standard deviation: of the Fourier features of the predicted state. */
      stateFrequencies: frequencies,
      /** Numbers that each token of its own is told of the control, and that the heads see of it. */
      spot: count,
      router: z.strictObject({ width: count }),
      /** Of the heads: at how many places they look; less than the deadband, in standard deviations, corrects no state. */
      readout: z.strictObject({ maps: count, deadband }),
      /** Of the network from a tick's control and the one before it to the next state. */
      predictor: z.strictObject({
        width: count,
        /** Fourier features of its input, whose frequencies it has learnt. */
        features: count.max(4096),
        /** What the state's change since the tick before is multiplied by. */
        change: z.number().positive().max(1000),
        /** A change of no more than this, in standard deviations, is none. */
        deadband,
      }),
      scores: z.strictObject({ width: count }),
    }),
    /** What says how unlike the logs a tick is, in so many quantiles. */
    uncertainty: z.strictObject({ file, levels: count.min(2) }).exactOptional(),
    sampler: z.strictObject({
      kind: z.literal("flow-map"),
      nfe: z.strictObject({ min: count, max: count, default: count }),
      /** Standard deviation of the noise that a tick starts from. */
      noise: z.number().min(0),
    }),
    /** Tensor `frames` uint8 `[n, H, W, 3]`, one start state a name. */
    starts: z.strictObject({ file, names }),
    goldens: z.strictObject({ file }),
    files: z.record(file, z.strictObject({ bytes: z.number().int().min(8), sha256 })),
  })
  .superRefine((world, context) => {
    const check = (ok: boolean, path: string, message: string): void => {
      if (!ok) context.addIssue({ code: "custom", path: path.split("."), message });
    };
    const { cameras, action, state, tokenizer, dynamics, sampler } = world;
    const { near, far } = tokenizer.reader;
    for (const [i, { height, width }] of cameras.entries()) {
      check(height === width, `cameras.${i}.width`, "the causal-conv tokenizer wants square frames");
      check(height % strideOf([...near, ...far]) === 0, "tokenizer.reader", "its strides must divide the frame");
    }
    const tokens = cameras.reduce((sum, { height, width }) => sum + (height / 16) * (width / 16), 0);
    check(dynamics.tokens === tokens, "dynamics.tokens", "must be (H / 16) (W / 16) of each camera");
    check(dynamics.width % dynamics.heads === 0, "dynamics.heads", "must divide the width");
    check(action.low < action.high, "action.high", "must be above low");
    for (const [i, { low, high, idle = low }] of action.channels.entries()) {
      check(low <= high, `action.channels.${i}.high`, "must not be below low");
      check(low <= idle && idle <= high, `action.channels.${i}.idle`, "must lie between low and high");
    }
    check(state.low < state.high, "state.high", "must be above low");
    const size = state.channels.length;
    check(state.proprioception <= size, "state.proprioception", "must be no more than there are channels");
    const [robots, things] = [
      state.channels.slice(0, state.proprioception),
      state.channels.slice(state.proprioception).map(labelOf),
    ];
    const { alike = [] } = state;
    const numbersOf = (thing: string) => things.filter((label) => thingOf(label) === thing);
    const known = alike.map((thing) => numbersOf(thing).map((label) => label.slice(thing.length)));
    check(
      known.every((numbers) => numbers.length > 0 && numbers.join() === known[0]?.join()),
      "state.alike",
      "must name things of which the same numbers are there, in the same order",
    );
    const isRobots = (thing: string) => robots.some(({ name }) => thingOf(name) === thing);
    check(!alike.some(isRobots), "state.alike", "must name no part of the robot");
    const { min, max, default: nfe } = sampler.nfe;
    check(min <= nfe && nfe <= max, "sampler.nfe.default", "must lie between min and max");
    const lists = {
      cameras: cameras.map(({ name }) => name),
      "action.channels": action.channels.map(({ name }) => name),
      "state.alike": alike,
      tasks: world.tasks,
      "starts.names": world.starts.names,
      files: filesOf(world),
    };
    for (const [key, list] of Object.entries(lists)) {
      check(new Set(list).size === list.length, key, "must not repeat a name");
    }
    for (const name of filesOf(world)) check(Object.hasOwn(world.files, name), "files", `must describe ${name}`);
  });

/** What a stack of convolutions divides the sides of a frame by. */
export function strideOf(convolutions: readonly { readonly stride: number }[]): number {
  return convolutions.reduce((product, { stride }) => product * stride, 1);
}

/** A channel as people see it: `red x (m)`. */
export function labelOf({ name, unit }: { readonly name: string; readonly unit?: string }): string {
  return unit === undefined ? name : `${name} (${unit})`;
}

/** Whose number has that name: its first word. */
export function thingOf(name: string): string {
  return name.split(" ", 1)[0] as string;
}

export type WorldManifest = Readonly<z.infer<typeof worldSchema>>;

/** The files that a world's parts name. */
export function filesOf(world: Omit<WorldManifest, "files">): string[] {
  const { tokenizer, dynamics, uncertainty, starts, goldens } = world;
  return [tokenizer, dynamics, ...(uncertainty ? [uncertainty] : []), starts, goldens].map((part) => part.file);
}

/** The one camera of a world that `loadWorld` took. */
export function cameraOf({ cameras }: WorldManifest): WorldManifest["cameras"][number] {
  return cameras[0] as WorldManifest["cameras"][number];
}

/**
 * The manifest in `text`, and what a tensor of its files is called today. `file` is its path, for the errors.
 * Throws `WorldFileError` (`world_manifest_invalid`, `world_version_unsupported`, `world_unknown_key`).
 */
export function parseManifest(
  text: string,
  file: string,
): { readonly manifest: WorldManifest; readonly tensorName: (name: string) => string } {
  const { json, tensorName } = upgrade(parseJson(text, file));
  const format = typeof json === "object" && json !== null && "format" in json ? json.format : undefined;
  if (typeof format === "string" && format.startsWith("worldstep.world.") && format !== WORLD_FORMAT) {
    throw new WorldFileError(
      "world_version_unsupported",
      `${file} has the format ${format}; this worldstep reads ${WORLD_FORMAT}`,
      "export the world again, or use another version of worldstep",
      { file, format, supported: WORLD_FORMAT },
    );
  }
  const parsed = worldSchema.safeParse(json);
  if (parsed.success) return { manifest: parsed.data, tensorName };
  const issue = parsed.error.issues[0] as z.core.$ZodIssue;
  const path = issue.path.join(".");
  if (issue.code === "unrecognized_keys") {
    const key = [...issue.path, issue.keys[0]].join(".");
    throw new WorldFileError(
      "world_unknown_key",
      `${file} has the key "${key}", which this worldstep does not know`,
      "remove it, or use a newer worldstep",
      { file, path: key },
    );
  }
  throw invalid(file, path, issue.message);
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw invalid(file, "", error.message);
    throw error;
  }
}

function invalid(file: string, path: string, what: string): WorldFileError {
  const where = path === "" ? file : `${file} at "${path}"`;
  return new WorldFileError("world_manifest_invalid", `${where}: ${what}`, "fix it, or export the world again", {
    file,
    path,
  });
}
