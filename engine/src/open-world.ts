// Opens a world for use: loads it, creates its networks once, and hands out envs that share them.
import { checkKeys, type Env, type EnvSpec, OptionError } from "@worldstep/protocols";
import type { Keys, Precision } from "./backend.js";
import { OrtBackend } from "./backends/ort/backend.js";
import { DreamedEnv } from "./dreamed-env.js";
import { Networks } from "./networks.js";
import { reconstruct } from "./reconstruct.js";
import { FolderSource, worldFolder } from "./world/folder.js";
import type { WorldManifest } from "./world/schema.js";
import type { Source } from "./world/source.js";
import { memoryBytes } from "./world/tensors.js";
import { UrlSource } from "./world/url.js";
import { loadWorld, specOf } from "./world/world.js";
import { WorldModel } from "./world-model.js";

export interface OpenWorldOptions {
  /** How the dynamics' matrices are held; the tokenizer stays fp32. Default `fp32`. */
  readonly precision?: Precision;
  /** Threads of each run, at least 1. Default: the cores of the machine, at most 4. */
  readonly threads?: number;
  /**
   * Whether the networks run on a thread of their own, so that this one stays free while they do, as a server wants it. One session's step takes
   * longer then, by waking a thread five times. Default false.
   */
  readonly background?: boolean;
  /** `made`: attention makes keys and values of all heads at each run, to compare with; slower, and equal up to rounding. Default `absorbed`. */
  readonly keys?: Keys;
}

export interface OpenWorld {
  /** world.json. */
  readonly world: WorldManifest;
  readonly spec: EnvSpec;
  /** SHA-256 of world.json, in hex: names the world with all its files. */
  readonly hash: string;
  /** What a session keeps of ticks, bytes: a page for each tick of the window and one for the first, and a state of all. */
  readonly memory: { readonly page: number; readonly state: number };
  /** A new env of this world. All envs share the networks and take turns. */
  open(): Promise<Env>;
  /** The latent `[L, C]` of one tick's frames `[s, H, W, 3]` uint8. */
  encode(frames: Uint8Array): Promise<Float32Array>;
  /** Frames `[s, H, W, 3]` uint8 a tick, in order from a stream's first, through the tokenizer and back. */
  reconstruct(ticks: readonly Uint8Array[]): Promise<Uint8Array[]>;
  /** Frees the networks. Calls on envs that are still open are refused (`env_closed`). */
  close(): Promise<void>;
}

/**
 * Opens the world in the folder `path`, or the one of that id in `@worldstep/worlds`, or the one whose files lie below the URL `path` (http, https).
 * Results are the same for the same world, options, machine and version of
 * onnxruntime-node; another precision, number of threads or kind of CPU may round differently.
 * Throws `WorldFileError`, and `OptionError` (`option_unknown`, `option_precision`, `option_threads`, `option_background`, `option_keys`).
 */
export async function openWorld(path: string, options: OpenWorldOptions = {}): Promise<OpenWorld> {
  checkOptions(options);
  const loaded = await loadWorld(sourceOf(path));
  const { manifest, hash, starts } = loaded; // its weights can go when the backend has them
  const { precision = "fp32", threads, background, keys } = options;
  const backend = new OrtBackend({ threads, background, keys });
  const networks = await Networks.open(loaded, backend, precision);
  const spec = specOf(manifest);
  const model = new WorldModel(manifest, networks);
  return {
    world: manifest,
    spec,
    hash,
    memory: memoryBytes(manifest),
    open: async () => new DreamedEnv(spec, model, { hash, starts }),
    encode: async (frames) => (await networks.encode(frames)).latent,
    reconstruct: (ticks) => reconstruct(networks, ticks),
    close: () => backend.close(),
  };
}

function sourceOf(path: string): Source {
  return /^https?:\/\//i.test(path) ? new UrlSource(path) : new FolderSource(worldFolder(path));
}

function checkOptions(options: OpenWorldOptions): void {
  checkKeys("openWorld", options, ["precision", "threads", "background", "keys"]);
  const { precision, threads, background, keys } = options;
  if (precision !== undefined && precision !== "fp32" && precision !== "int8") {
    throw new OptionError("option_precision", `precision is ${String(precision)}`, "give fp32 or int8", { precision });
  }
  if (threads !== undefined && !(Number.isSafeInteger(threads) && threads >= 1 && threads <= 256)) {
    throw new OptionError("option_threads", `threads is ${String(threads)}`, "give a whole number from 1 to 256", {
      threads: String(threads),
    });
  }
  if (background !== undefined && typeof background !== "boolean") {
    throw new OptionError("option_background", `background is ${String(background)}`, "give true or false", {
      background: String(background),
    });
  }
  if (keys !== undefined && keys !== "absorbed" && keys !== "made") {
    throw new OptionError("option_keys", `keys is ${String(keys)}`, "give absorbed or made", { keys });
  }
}
