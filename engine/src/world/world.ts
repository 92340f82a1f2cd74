// Loads a world from where its bytes are. Everything is checked before anything big is allocated: the manifest, then of each file that
// it is there, its length, its hash, its header, and its tensors.
import { type EnvSpec, elementCount, WorldFileError } from "@worldstep/protocols";
import {
  checkTensors,
  type Entries,
  type TensorEntry,
  type TensorRule,
  takeBytes,
  takeHeader,
  takeWeights,
  textOf,
  type Weight,
} from "./safetensors.js";
import { cameraOf, filesOf, labelOf, parseManifest, type WorldManifest } from "./schema.js";
import type { Source, SourceFile } from "./source.js";
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

// Those that ship have 30 kB.
const MAX_MANIFEST_BYTES = 16 << 20;

/** Loads the world that `source` has, of this format or an older one. Throws `WorldFileError`; `facts.file` names the file. */
export async function loadWorld(source: Source): Promise<World> {
  const { manifest, tensorName, hash } = await readManifest(source);
  const rules = new Map<string, ReadonlyMap<string, TensorRule>>([
    [manifest.tokenizer.file, tokenizerTensors(manifest)],
    [manifest.dynamics.file, dynamicsTensors(manifest)],
    [manifest.starts.file, startTensors(manifest)],
    ...(manifest.uncertainty ? [[manifest.uncertainty.file, uncertaintyTensors(manifest)] as const] : []),
  ]);
  const opened: SourceFile[] = [];
  try {
    const checked = new Map<string, Checked>();
    for (const name of new Set(filesOf(manifest))) {
      const described = manifest.files[name] as Described;
      const file = await source.open(name, described.bytes);
      opened.push(file);
      await checkFile(file, described);
      const entries = renamed(await takeHeader(file), tensorName);
      checkTensors(entries, rules.get(name) ?? new Map(), file.path, !rules.has(name));
      if (rules.has(name)) checked.set(name, { file, entries });
      else await file.close();
    }
    const of = (name: string) => checked.get(name) as Checked;
    return {
      manifest,
      hash,
      tokenizer: await takeWeights(of(manifest.tokenizer.file)),
      dynamics: await takeWeights(of(manifest.dynamics.file)),
      ...(manifest.uncertainty && { uncertainty: await takeWeights(of(manifest.uncertainty.file)) }),
      starts: await takeStarts(of(manifest.starts.file), manifest.starts.names),
    };
  } finally {
    for (const file of opened) await file.close();
  }
}

interface Checked {
  readonly file: SourceFile;
  readonly entries: Entries;
}

interface Described {
  readonly bytes: number;
  readonly sha256: string;
}

async function readManifest(source: Source): Promise<ReturnType<typeof parseManifest> & { readonly hash: string }> {
  const file = await source.open("world.json", MAX_MANIFEST_BYTES);
  try {
    const { path, size } = file;
    if (size > MAX_MANIFEST_BYTES) {
      const what = `${path} has more than ${MAX_MANIFEST_BYTES} bytes`;
      throw new WorldFileError("world_manifest_invalid", what, "export the world again", { file: path, path: "" });
    }
    const parsed = parseManifest(textOf(await file.take(0, size)), path);
    checkCameras(parsed.manifest, path);
    return { ...parsed, hash: await file.sha256() };
  } finally {
    await file.close();
  }
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

async function takeStarts({ file, entries }: Checked, names: readonly string[]): Promise<World["starts"]> {
  const entry = entries.get("frames") as TensorEntry;
  const all = await takeBytes(file, entry);
  const poses = (await takeWeights({ file, entries })).get("proprioception") as Weight;
  const [size, pose] = [elementCount(entry.shape.slice(1)), poses.shape[1] as number];
  return new Map(
    names.map((name, i) => [
      name,
      {
        frames: all.slice(i * size, (i + 1) * size),
        proprioception: poses.data.slice(i * pose, (i + 1) * pose),
      },
    ]),
  );
}

async function checkFile(file: SourceFile, { bytes, sha256 }: Described): Promise<void> {
  const { path, size } = file;
  if (size < bytes) {
    throw new WorldFileError("world_file_truncated", `${path} has ${size} bytes of ${bytes}`, "copy the file again", {
      file: path,
      expected: bytes,
      got: size,
    });
  }
  const got = size > bytes ? `that of more than ${bytes} bytes` : await file.sha256();
  if (got !== sha256) {
    throw new WorldFileError(
      "world_hash_mismatch",
      `${path} is not the file that world.json describes: its SHA-256 is ${got}`,
      "copy the file again",
      { file: path, expected: sha256, got },
    );
  }
}
