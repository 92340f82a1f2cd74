// Loads a world from disk. Everything is checked before anything big is allocated: the manifest, then of each file that
// it is there, its length, its hash, its header, and its tensors.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { type EnvSpec, elementCount, WorldFileError } from "@worldstep/protocols";
import {
  checkTensors,
  type Entries,
  readBytes,
  readHeader,
  readWeights,
  type TensorEntry,
  type TensorRule,
  type Weight,
} from "./safetensors.js";
import { cameraOf, filesOf, labelOf, parseManifest, type WorldManifest } from "./schema.js";
import { dynamicsTensors, startTensors, tokenizerTensors, uncertaintyTensors } from "./tensors.js";

export type Weights = ReadonlyMap<string, Weight>;

export interface World {
  readonly manifest: WorldManifest;
  /** SHA-256 of world.json, in hex. World.json holds the hash of every other file. */
  readonly hash: string;
  readonly tokenizer: Weights;
  readonly dynamics: Weights;
  readonly uncertainty?: Weights;
  /** By name. */
  readonly starts: ReadonlyMap<string, StartState>;
}

export interface StartState {
  /** `[H, W, 3]`, the first frame. */
  readonly frames: Uint8Array;
  /** `[P]`, in the units of the manifest's channels: where the robot is in it. */
  readonly proprioception: Float32Array;
}

/** Loads the world in `folder`, of this format or an older one. Throws `WorldFileError`; `facts.file` names the file. */
export async function loadWorld(folder: string): Promise<World> {
  const path = join(folder, "world.json");
  const text = await readFile(path).catch((error: unknown) => throwMissing(error, path));
  const { manifest, tensorName } = parseManifest(text.toString("utf8"), path);
  checkCameras(manifest, path);
  const rules = new Map<string, ReadonlyMap<string, TensorRule>>([
    [manifest.tokenizer.file, tokenizerTensors(manifest)],
    [manifest.dynamics.file, dynamicsTensors(manifest)],
    [manifest.starts.file, startTensors(manifest)],
    ...(manifest.uncertainty ? [[manifest.uncertainty.file, uncertaintyTensors(manifest)] as const] : []),
  ]);
  const headers = new Map<string, Entries>();
  for (const name of new Set(filesOf(manifest))) {
    const file = join(folder, name);
    await checkFile(file, manifest.files[name] as { bytes: number; sha256: string });
    const entries = renamed(await readHeader(file), tensorName);
    checkTensors(entries, rules.get(name) ?? new Map(), file, !rules.has(name));
    headers.set(name, entries);
  }
  const weights = (name: string): Promise<Weights> => readWeights(join(folder, name), headers.get(name) as Entries);
  return {
    manifest,
    hash: createHash("sha256").update(text).digest("hex"),
    tokenizer: await weights(manifest.tokenizer.file),
    dynamics: await weights(manifest.dynamics.file),
    ...(manifest.uncertainty && { uncertainty: await weights(manifest.uncertainty.file) }),
    starts: await readStarts(folder, manifest, headers.get(manifest.starts.file) as Entries),
  };
}

// The networks of today see one camera.
function checkCameras({ cameras }: WorldManifest, file: string): void {
  if (cameras.length === 1) return;
  throw new WorldFileError(
    "world_cameras_unsupported",
    `${file} has ${cameras.length} cameras; this worldstep runs worlds of one`,
    "train the world with one camera, or use a newer worldstep",
    { file, cameras: cameras.map(({ name }) => name) },
  );
}

// A file's tensors by what they are called today.
function renamed(entries: Entries, tensorName: (name: string) => string): Entries {
  return new Map(
    [...entries.values()].map((entry) => {
      const name = tensorName(entry.name);
      return [name, { ...entry, name }];
    }),
  );
}

/** What users of the world see of it. */
export function specOf(manifest: WorldManifest): EnvSpec {
  const { id, fps, stride, action, state, tasks, starts, maxTicks, sampler, dynamics, determinism } = manifest;
  const { height, width } = cameraOf(manifest);
  const pixels = [stride, height, width, 3];
  const { low, high } = state;
  return {
    id,
    fps,
    stride,
    observationSpace: {
      type: "dict",
      spaces: {
        frames: { type: "box", dtype: "uint8", shape: pixels, low: 0, high: 255 },
        proprioception: { type: "box", dtype: "float32", shape: [state.proprioception], low, high },
      },
    },
    actionSpace: {
      type: "box",
      dtype: "float32",
      shape: [stride, action.channels.length],
      low: action.low,
      high: action.high,
    },
    action: action.channels,
    proprioception: state.channels.slice(0, state.proprioception).map(labelOf),
    cameras: manifest.cameras.map(({ name }) => ({ name, key: "frames", height, width })),
    state: state.channels.map(({ name, unit }) => ({ name, ...(unit !== undefined && { unit }) })),
    determinism,
    tasks,
    starts: starts.names,
    maxTicks,
    acceptsFrames: true,
    nfe: sampler.nfe,
    chunk: dynamics.chunk,
    predicts: true,
  };
}

async function readStarts(folder: string, manifest: WorldManifest, entries: Entries): Promise<World["starts"]> {
  const file = join(folder, manifest.starts.file);
  const entry = entries.get("frames") as TensorEntry;
  const all = await readBytes(file, entry);
  const poses = (await readWeights(file, entries)).get("proprioception") as Weight;
  const [size, pose] = [elementCount(entry.shape.slice(1)), poses.shape[1] as number];
  return new Map(
    manifest.starts.names.map((name, i) => [
      name,
      {
        frames: new Uint8Array(all.subarray(i * size, (i + 1) * size)),
        proprioception: poses.data.slice(i * pose, (i + 1) * pose),
      },
    ]),
  );
}

async function checkFile(file: string, { bytes, sha256 }: { bytes: number; sha256: string }): Promise<void> {
  const { size } = await stat(file).catch((error: unknown) => throwMissing(error, file));
  if (size < bytes) {
    throw new WorldFileError("world_file_truncated", `${file} has ${size} bytes of ${bytes}`, "copy the file again", {
      file,
      expected: bytes,
      got: size,
    });
  }
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  const got = hash.digest("hex");
  if (size !== bytes || got !== sha256) {
    throw new WorldFileError(
      "world_hash_mismatch",
      `${file} is not the file that world.json describes: its SHA-256 is ${got}`,
      "copy the file again",
      { file, expected: sha256, got },
    );
  }
}

async function throwMissing(error: unknown, file: string): Promise<never> {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
  const folder = resolve(dirname(file));
  const isFolder = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const [what, remedy] = isFolder
    ? [`there is no file ${file}`, "copy the whole folder of the world"]
    : [`there is no folder ${folder}`, "give the path of a folder with a world.json"];
  throw new WorldFileError("world_missing_file", what, remedy, { file });
}
