// world.json, version 2: what a world is made of. docs/world-format.md explains it field by field.
import { CHANNEL_KINDS, WorldFileError } from "@worldstep/protocols";
import { z } from "zod";
import { upgraded } from "./world-upgrade.js";

export const WORLD_FORMAT = "worldstep.world.v2";

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
    /** Pixels. */
    frame: z.strictObject({ height: count.max(4096).multipleOf(16), width: count.max(4096).multipleOf(16) }),
    /** What `step` takes lies in [low, high]; of each channel these two mean its own `low` and `high`, in its `unit`. */
    action: z.strictObject({ low: z.number(), high: z.number(), channels: z.array(channel).min(1).max(4096) }),
    /** The head's outputs times `std` plus `mean` have the units that the names say; they are kept in [low, high]. */
    proprioception: z.strictObject({
      names,
      mean: z.array(z.number()),
      std: z.array(z.number().positive()),
      low: z.number(),
      high: z.number(),
    }),
    /**
     * What else the network reads from a tick and moves the next on from, where the logs had it: positions of objects, say.
     * The numbers read times `std` plus `mean` have the units that the names say.
     */
    environmentState: z
      .strictObject({
        names,
        mean: z.array(z.number()),
        std: z.array(z.number().positive()),
        /** Things that are alike but for their looks; the names of their numbers begin with them. */
        alike: names.optional(),
      })
      .optional(),
    /** The first has no reward and never terminates; the others are the heads' outputs, in order. */
    tasks: names,
    /** Default time limit of an episode in ticks; 0 for never. */
    maxTicks: z.number().int().min(0),
    tokenizer: z.strictObject({
      kind: z.literal("causal-conv"),
      file,
      latentChannels: count,
      /** Channels at 1/2, 1/4, 1/8 and 1/16 of the frame. */
      widths: z.tuple([count, count, count, count]),
      /** Numbers that say how an episode looks where no reading does. */
      appearance: z.number().int().min(0).max(4096).default(0),
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
      /** Experts of a block's feed-forward, of which a tick uses one. */
      experts: count.max(64),
      mlpRatio: count.max(16),
      condWidth: count,
      /** Waves in which reckoning sees a tick's control. */
      waves: count.max(4096).default(256),
      /** Ticks after the sink that a tick attends to. */
      window: count.max(4096),
      /** Most ticks that are denoised jointly. */
      chunk: count.max(64),
      /** The noise level that the context is said to have, in [0, 1]. */
      contextLevel: z.number().min(0).max(1),
    }),
    /** What says how unlike the logs a tick is. */
    uncertainty: z.strictObject({ file }).optional(),
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
    const { frame, action, proprioception, environmentState, dynamics, sampler } = world;
    const p = proprioception.names.length;
    check(frame.height === frame.width, "frame.width", "the causal-conv tokenizer wants square frames");
    check(dynamics.tokens === (frame.height / 16) * (frame.width / 16), "dynamics.tokens", "must be (H / 16) (W / 16)");
    check(dynamics.width % dynamics.heads === 0, "dynamics.heads", "must divide the width");
    check(action.low < action.high, "action.high", "must be above low");
    for (const [i, { low, high, idle = low }] of action.channels.entries()) {
      check(low <= high, `action.channels.${i}.high`, "must not be below low");
      check(low <= idle && idle <= high, `action.channels.${i}.idle`, "must lie between low and high");
    }
    check(proprioception.low < proprioception.high, "proprioception.high", "must be above low");
    check(proprioception.mean.length === p, "proprioception.mean", `must have ${p} numbers, one a name`);
    check(proprioception.std.length === p, "proprioception.std", `must have ${p} numbers, one a name`);
    for (const key of ["mean", "std"] as const) {
      const { length } = environmentState?.names ?? [];
      const fits = (environmentState?.[key].length ?? 0) === length;
      check(fits, `environmentState.${key}`, `must have ${length} numbers, one a name`);
    }
    const numbersOf = (thing: string) => (environmentState?.names ?? []).filter((name) => thingOf(name) === thing);
    const alike = environmentState?.alike ?? [];
    const known = alike.map((thing) => numbersOf(thing).map((name) => name.slice(thing.length)));
    check(
      known.every((numbers) => numbers.length > 0 && numbers.join() === known[0]?.join()),
      "environmentState.alike",
      "must name things of which the same numbers are there, in the same order",
    );
    const isRobots = (thing: string) => proprioception.names.some((name) => thingOf(name) === thing);
    check(!alike.some(isRobots), "environmentState.alike", "must name no part of the robot");
    const { min, max, default: nfe } = sampler.nfe;
    check(min <= nfe && nfe <= max, "sampler.nfe.default", "must lie between min and max");
    const channels = action.channels.map(({ name }) => name);
    const lists = {
      "action.channels": channels,
      tasks: world.tasks,
      "starts.names": world.starts.names,
      "environmentState.alike": alike,
    };
    for (const [key, list] of Object.entries(lists)) {
      check(new Set(list).size === list.length, key, "must not repeat a name");
    }
    for (const name of filesOf(world)) check(Object.hasOwn(world.files, name), "files", `must describe ${name}`);
  });

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

/**
 * The manifest in `text`. `file` is its path, for the errors.
 * Throws `WorldFileError` (`world_manifest_invalid`, `world_version_unsupported`, `world_unknown_key`).
 */
export function parseManifest(text: string, file: string): WorldManifest {
  const json = parseJson(text, file);
  const format = typeof json === "object" && json !== null && "format" in json ? json.format : undefined;
  if (typeof format === "string" && format.startsWith("worldstep.world.") && format !== WORLD_FORMAT) {
    throw new WorldFileError(
      "world_version_unsupported",
      `${file} has the format ${format}; this worldstep reads ${WORLD_FORMAT}`,
      "export the world again, or use another version of worldstep",
      { file, format, supported: WORLD_FORMAT },
    );
  }
  const parsed = worldSchema.safeParse(upgraded(json));
  if (parsed.success) return parsed.data;
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
