// A world in this process, without a server: the same calls, by the engine, where it is installed.
import { type Env, type EnvSpec, WorldError } from "@worldstep/protocols";
import { observe, type StreamEnv } from "./streams.js";
import { openVector, type VectorEnv, type VectorEnvOptions } from "./vector-env.js";

// What is asked of the engine; the package itself is optional, so its types are not imported.
interface Engine {
  openWorld(path: string, options?: LoadOptions): Promise<EngineWorld>;
}

interface EngineWorld extends Tokenizer {
  readonly spec: EnvSpec;
  readonly hash: string;
  readonly memory: LoadedWorld["memory"];
  readonly world: { readonly description: string; readonly dynamics: { readonly window: number } };
  open(): Promise<Env>;
  close(): Promise<void>;
}

/** What the engine's `openWorld` takes. */
export interface LoadOptions {
  /** Of the weights; default `fp32`. */
  readonly precision?: "fp32" | "int8";
  /** Of the CPU backend; the default is the engine's. */
  readonly threads?: number;
  /** Whether the networks run on a thread of their own, and this one stays free while they do; default false. */
  readonly background?: boolean;
}

/** What a world makes of frames, and frames of. */
export interface Tokenizer {
  /** The latent `[L, C]` of one tick's frames `[s, H, W, 3]` uint8. */
  encode(frames: Uint8Array): Promise<Float32Array>;
  /** Frames `[s, H, W, 3]` uint8 a tick, in order from a stream's first, through the tokenizer and back. */
  reconstruct(ticks: readonly Uint8Array[]): Promise<Uint8Array[]>;
}

/** A world that was loaded into this process. */
export interface LoadedWorld {
  readonly spec: EnvSpec;
  /** What it is, in a sentence or two. */
  readonly description: string;
  /** Names the world with all its files: SHA-256 of world.json, in hex. */
  readonly hash: string;
  readonly tokenizer: Tokenizer;
  /** What a session keeps of ticks, bytes: a page for each tick of the window and one for the first, and a state of all. */
  readonly memory: { readonly page: number; readonly state: number };
  /** Ticks that a tick attends to, besides what is remembered of all. */
  readonly window: number;
  open(): Promise<StreamEnv>;
  vector(size: number, options?: VectorEnvOptions): Promise<VectorEnv>;
  /** Frees the networks; envs that are still open can't be used any more. */
  close(): Promise<void>;
}

// A name that bundlers and TypeScript don't follow.
const ENGINE: string = "@worldstep/engine";

/**
 * Loads a world into this process, with `@worldstep/engine`, which must be installed beside this package (`engine_missing`).
 *
 * `path` is a folder with a `world.json`; or the id of a world in `@worldstep/worlds` (`tabletop-nano`), which is looked for where no such folder
 * is; or an `http://` or `https://` URL below which the files of such a folder are served, as `https://example.com/worlds/mine`. Every file is
 * held against its hash in `world.json` before it is used. Throws `WorldFileError` for a world that can't be used (docs/errors.md), with the file
 * as `facts.file`.
 */
export async function load(path: string, options?: LoadOptions): Promise<LoadedWorld> {
  const { openWorld } = await importEngine();
  const world = await openWorld(path, options);
  return {
    spec: world.spec,
    description: world.world.description,
    hash: world.hash,
    tokenizer: {
      encode: (frames) => world.encode(frames),
      reconstruct: (ticks) => world.reconstruct(ticks),
    },
    memory: world.memory,
    window: world.world.dynamics.window,
    open: async () => observe(await world.open()),
    vector: (size, vectorOptions) => openVector(() => world.open(), size, vectorOptions),
    close: () => world.close(),
  };
}

async function importEngine(): Promise<Engine> {
  try {
    return (await import(/* @vite-ignore */ /* webpackIgnore: true */ ENGINE)) as Engine;
  } catch (error) {
    // Its name in quotes is what could not be found. Parts that the engine misses are its own errors, and say so: their
    // messages have its name only in a path.
    if (!/['"`\u201c]@worldstep\/engine['"`\u201d]/.test(String(error))) throw error;
    const remedy = "npm install @worldstep/engine, or connect() to a server";
    throw new WorldError("engine_missing", `${ENGINE} can't be imported`, remedy, {}, { cause: error });
  }
}
