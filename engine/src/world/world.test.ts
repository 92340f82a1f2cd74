// Every kind of broken world is refused by its own code, and the error names the file.
import { createHash } from "node:crypto";
import { cp, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";
import { WorldFileError } from "@worldstep/protocols";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TINY_WORLD, TINY_WORLD_V2 } from "../../../test/fixtures/worlds.js";
import { FolderSource } from "./folder.js";
import { loadWorld } from "./world.js";

type Json = Record<string, unknown>;
type Manifest = Json &
  Record<"state" | "tokenizer" | "dynamics" | "starts" | "files", Json> & { readonly cameras: Json[] };

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "worldstep-"));
  await cp(TINY_WORLD, folder, { recursive: true });
});
afterEach(() => rm(folder, { recursive: true }));

async function editManifest(edit: (world: Manifest) => void): Promise<void> {
  const path = join(folder, "world.json");
  const world = JSON.parse(await readFile(path, "utf8"));
  edit(world);
  await writeFile(path, JSON.stringify(world));
}

// Writes `bytes` as the file `name` and describes it in world.json as it now is.
async function replace(name: string, bytes: Uint8Array): Promise<void> {
  await writeFile(join(folder, name), bytes);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  await editManifest(({ files }) => {
    files[name] = { bytes: bytes.length, sha256 };
  });
}

// Rewrites the header of a safetensors file; `data` are the bytes behind it.
async function editHeader(name: string, edit: (header: Record<string, Json>) => void, more = 0): Promise<void> {
  const bytes = await readFile(join(folder, name));
  const length = Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString("utf8"));
  edit(header);
  const text = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  await replace(name, Buffer.concat([size, text, bytes.subarray(8 + length), Buffer.alloc(more)]));
}

async function expectRefusal(code: string, file: string): Promise<WorldFileError> {
  const error = await loadWorld(new FolderSource(folder)).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(WorldFileError);
  const refused = error as WorldFileError;
  expect(refused.code).toBe(code);
  expect(basename(String(refused.facts.file))).toBe(file);
  expect(refused.message).toContain(file);
  return refused;
}

it("loads a whole world", async () => {
  const world = await loadWorld(new FolderSource(folder));
  expect(world.manifest.id).toBe("tiny-random");
  expect(world.hash).toBe(
    createHash("sha256")
      .update(await readFile(join(folder, "world.json")))
      .digest("hex"),
  );
  expect([...world.starts.keys()]).toEqual(["dawn", "noon", "dusk"]);
  expect(world.dynamics.get("blocks.1.query.weight")?.shape).toEqual([80, 32]);
});

// Channel `i` of the state vector.
function channel(state: Json, i: number): Json {
  return (state.channels as Json[])[i] as Json;
}

describe("the manifest", () => {
  const json = "world.json";
  const invalid: [string, (world: Manifest) => void, string][] = [
    ["a missing field", (world) => delete (world as Json).fps, "fps"],
    ["a number as text", (world) => Object.assign(world, { fps: "20" }), "fps"],
    ["a foreign format", (world) => Object.assign(world, { format: "zip" }), "format"],
    ["a tokenizer of another kind", ({ tokenizer }) => Object.assign(tokenizer, { kind: "wan" }), "tokenizer.kind"],
    [
      "a frame that 16 does not divide",
      ({ cameras }) => Object.assign(cameras[0] as Json, { height: 33 }),
      "cameras.0.height",
    ],
    ["no camera", (world) => Object.assign(world, { cameras: [] }), "cameras"],
    ["a wrong number of tokens", ({ dynamics }) => Object.assign(dynamics, { tokens: 5 }), "dynamics.tokens"],
    ["heads that do not divide the width", ({ dynamics }) => Object.assign(dynamics, { heads: 3 }), "dynamics.heads"],
    ["a number without a mean", ({ state }) => delete channel(state, 3).mean, "state.channels.3.mean"],
    ["a deviation of zero", ({ state }) => Object.assign(channel(state, 2), { std: 0 }), "state.channels.2.std"],
    [
      "more of the robot than there is",
      ({ state }) => Object.assign(state, { proprioception: 11 }),
      "state.proprioception",
    ],
    [
      "alike things of which not the same is known",
      ({ state }) => Object.assign(state, { alike: ["cup", "table"] }),
      "state.alike",
    ],
    [
      "alike things that are told in other units",
      ({ state }) => Object.assign(channel(state, 7), { unit: "cm" }),
      "state.alike",
    ],
    ["a thing that is like itself", ({ state }) => Object.assign(state, { alike: ["cup", "cup"] }), "state.alike"],
    [
      "alike things of which one is the robot's",
      ({ state }) => Object.assign(channel(state, 4), { name: "cup opening" }),
      "state.alike",
    ],
    ["a frequency of zero", ({ dynamics }) => Object.assign(dynamics, { rotary: [1, 0] }), "dynamics.rotary.1"],
    [
      "an odd number of sines",
      ({ dynamics }) => Object.assign(dynamics, { levels: { size: 63, radians: 20 } }),
      "dynamics.levels.size",
    ],
    [
      "a predictor without a width",
      ({ dynamics }) => delete (dynamics.predictor as Json).width,
      "dynamics.predictor.width",
    ],
    [
      "a reader that strides past the frame",
      ({ tokenizer }) =>
        (tokenizer.reader as { far: Json[] }).far.push(
          ...Array.from({ length: 4 }, () => ({ stride: 2, channels: 8 })),
        ),
      "tokenizer.reader",
    ],
    ["one task twice", (world) => Object.assign(world, { tasks: ["play", "a", "b", "c", "a"] }), "tasks"],
    ["a file in another folder", ({ starts }) => Object.assign(starts, { file: "../starts" }), "starts.file"],
    ["one file for two parts", ({ starts }) => Object.assign(starts, { file: "goldens.safetensors" }), "files"],
    ["a file without a hash", ({ files }) => delete files["starts.safetensors"], "files"],
  ];
  it.each(invalid)("with %s is refused", async (_, edit, path) => {
    await editManifest(edit);
    const { facts } = await expectRefusal("world_manifest_invalid", json);
    expect(facts.path).toBe(path);
  });

  it("with a number that is not finite is refused", async () => {
    const path = join(folder, json);
    await writeFile(path, (await readFile(path, "utf8")).replace('"fps": 20', '"fps": 1e999'));
    await expectRefusal("world_manifest_invalid", json);
  });

  it("that is not JSON is refused", async () => {
    await truncate(join(folder, json), 100);
    await expectRefusal("world_manifest_invalid", json);
  });

  it("of another version is refused before anything else", async () => {
    await writeFile(join(folder, json), JSON.stringify({ format: "worldstep.world.v9" }));
    await expectRefusal("world_version_unsupported", json);
  });

  const unknown: typeof invalid = [
    ["at the top", (world) => Object.assign(world, { colour: 1 }), "colour"],
    ["inside", ({ dynamics }) => Object.assign(dynamics, { wings: 8 }), "dynamics.wings"],
  ];
  it.each(unknown)("with an unknown key %s is refused", async (_, edit, path) => {
    await editManifest(edit);
    expect((await expectRefusal("world_unknown_key", json)).facts.path).toBe(path);
  });

  it("of two cameras is right, and more than the networks of today see", async () => {
    await editManifest(({ cameras, dynamics }) => {
      cameras.push({ name: "wrist", height: 32, width: 32 });
      dynamics.tokens = 8;
    });
    expect((await expectRefusal("world_cameras_unsupported", json)).facts.cameras).toEqual(["camera", "wrist"]);
  });

  it("that is missing is refused", async () => {
    await rm(join(folder, json));
    await expectRefusal("world_missing_file", json);
  });

  it("of a folder that is not there is refused with where it was looked for", async () => {
    const nowhere = relative(".", join(folder, "nowhere"));
    await expect(loadWorld(new FolderSource(nowhere))).rejects.toMatchObject({
      code: "world_missing_file",
      summary: `there is no folder ${join(folder, "nowhere")}`,
    });
    await expect(loadWorld(new FolderSource(join(folder, json)))).rejects.toMatchObject({
      summary: `there is no folder ${join(folder, json)}`,
    });
  });
});

describe("the files", () => {
  const file = "dynamics.safetensors";

  it.each(["tokenizer", "dynamics", "starts", "goldens"])("a missing one is refused: %s", async (name) => {
    await rm(join(folder, `${name}.safetensors`));
    await expectRefusal("world_missing_file", `${name}.safetensors`);
  });

  it("one that is too short is refused", async () => {
    await truncate(join(folder, file), 1000);
    await expectRefusal("world_file_truncated", file);
  });

  it.each([0, 20, 30_000])("one with another byte at %i is refused", async (at) => {
    const bytes = await readFile(join(folder, file));
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    await writeFile(join(folder, file), bytes);
    await expectRefusal("world_hash_mismatch", file);
  });

  it("one that is too long is refused", async () => {
    await writeFile(join(folder, file), Buffer.concat([await readFile(join(folder, file)), Buffer.alloc(8)]));
    await expectRefusal("world_hash_mismatch", file);
  });

  it.each([8, 500, 40_000])("one cut to %i bytes, with a hash that fits, is refused", async (length) => {
    await replace(file, (await readFile(join(folder, file))).subarray(0, length));
    await expectRefusal("world_file_truncated", file);
  });
});

describe("a safetensors header", () => {
  const file = "tokenizer.safetensors";
  const name = "decoder.head.bias";
  const broken: [string, (header: Record<string, Json>) => void][] = [
    ["with an unknown dtype", (header) => Object.assign(header[name] as Json, { dtype: "F4" })],
    ["with a negative size", (header) => Object.assign(header[name] as Json, { shape: [-48] })],
    ["with half a size", (header) => Object.assign(header[name] as Json, { shape: [1.5] })],
    ["with offsets that do not fit the shape", (header) => Object.assign(header[name] as Json, { shape: [47] })],
    ["with offsets that go back", (header) => Object.assign(header[name] as Json, { data_offsets: [96, 0] })],
    ["with tensors that overlap", (header) => Object.assign(header[name] as Json, { data_offsets: [2, 98] })],
    ["with an entry that is no object", (header) => Object.assign(header, { [name]: 3 })],
    ["with a gap", (header) => delete header[name]],
  ];
  it.each(broken)("%s is refused", async (_, edit) => {
    await editHeader(file, edit);
    await expectRefusal("world_file_invalid", file);
  });

  it("with bytes behind the last tensor is refused", async () => {
    await editHeader(file, () => undefined, 16);
    await expectRefusal("world_file_invalid", file);
  });

  it("that is not JSON is refused", async () => {
    const bytes = await readFile(join(folder, file));
    bytes.write("nonsense", 8);
    await replace(file, bytes);
    await expectRefusal("world_file_invalid", file);
  });

  it("of an absurd length is refused before it is allocated", async () => {
    const bytes = await readFile(join(folder, file));
    bytes.writeBigUInt64LE(1n << 60n);
    await replace(file, bytes);
    await expectRefusal("world_file_invalid", file);
  });
});

describe("the tensors", () => {
  const file = "dynamics.safetensors";
  const name = "gap"; // [3, 32]

  it("a missing one is refused, and one that nothing reads", async () => {
    await editHeader(file, (header) => {
      header.gaps = header[name] as Json;
      delete header[name];
    });
    expect((await expectRefusal("world_tensor_missing", file)).facts.tensor).toBe(name);
    await cp(join(TINY_WORLD, "world.json"), join(folder, "world.json"));
    await cp(join(TINY_WORLD, file), join(folder, file));
    await editHeader(file, (header) =>
      Object.assign(header, { extra: { dtype: "F16", shape: [0], data_offsets: [0, 0] } }),
    );
    expect((await expectRefusal("world_tensor_unexpected", file)).facts.tensor).toBe("extra");
  });

  it("one of another shape is refused", async () => {
    await editHeader(file, (header) => Object.assign(header[name] as Json, { shape: [32, 3] }));
    expect((await expectRefusal("world_tensor_shape", file)).facts.tensor).toBe(name);
  });

  it("one of another dtype is refused", async () => {
    await editHeader(file, (header) => Object.assign(header[name] as Json, { dtype: "F32", shape: [48] }));
    expect((await expectRefusal("world_tensor_dtype", file)).facts.tensor).toBe(name);
  });

  it("starts that do not fit the frame are refused", async () => {
    await editManifest(({ starts }) => Object.assign(starts, { names: ["one", "two"] }));
    await expectRefusal("world_tensor_shape", "starts.safetensors");
  });

  it("one with an infinite weight is refused", async () => {
    const bytes = await readFile(join(folder, file));
    bytes.writeUInt16LE(0x7c00, bytes.length - 2);
    await replace(file, bytes);
    await expectRefusal("world_tensor_not_finite", file);
  });
});

describe("an older world", () => {
  beforeEach(() => cp(TINY_WORLD_V2, folder, { recursive: true }));

  it("is the world of today, tensor for tensor", async () => {
    const [older, newer] = [await loadWorld(new FolderSource(folder)), await loadWorld(new FolderSource(TINY_WORLD))];
    const { files: _, ...manifest } = newer.manifest;
    expect(older.manifest).toMatchObject(manifest);
    for (const part of ["tokenizer", "dynamics", "uncertainty"] as const) expect(older[part]).toEqual(newer[part]);
    expect(older.starts).toEqual(newer.starts);
  });

  it("that is wrong is refused by where it would be wrong today", async () => {
    await editManifest((world) => {
      world.proprioception = { ...(world.proprioception as Json), mean: [0, 0] };
    });
    expect((await expectRefusal("world_manifest_invalid", "world.json")).facts.path).toBe("state.channels.2.mean");
  });

  const action = async (...names: readonly string[]) => {
    await editManifest((world) => {
      world.action = { names, low: -1, high: 1 };
    });
    return (await loadWorld(new FolderSource(folder))).manifest.action;
  };

  it("has its channels in words", async () => {
    const names = [
      "dx (1 = 0.015 m)",
      "yaw (1 = 0.15 rad)",
      "gripper (1 = closes by 0.02 m)",
      "to x (px of 512) (-1: 0, 1: 511)",
      "lift",
    ];
    expect(await action(...names)).toEqual({
      low: -1,
      high: 1,
      channels: [
        { name: "dx", unit: "m", low: -0.015, high: 0.015, kind: "delta", idle: 0 },
        { name: "yaw", unit: "rad", low: -0.15, high: 0.15, kind: "delta", idle: 0 },
        { name: "gripper", unit: "m", low: -0.02, high: 0.02, kind: "gripper", idle: 0 },
        { name: "to x", unit: "px of 512", low: 0, high: 511, kind: "absolute" },
        { name: "lift", low: -1, high: 1, kind: "absolute" },
      ],
    });
  });

  it("keeps apart what only the words behind the names did", async () => {
    const { channels } = await action(
      "joint (left) (-1: -3.1, 1: 3.1)",
      "joint (right) (-1: -1e-05, 1: 2)",
      "tool (px) (-1: 0, 1: 511)",
      "dx (1 = 1e-05 m)",
      "lift",
    );
    expect(channels).toEqual([
      { name: "joint (left)", low: -3.1, high: 3.1, kind: "absolute" },
      { name: "joint (right)", low: -1e-5, high: 2, kind: "absolute" },
      { name: "tool", unit: "px", low: 0, high: 511, kind: "absolute" },
      { name: "dx", unit: "m", low: -1e-5, high: 1e-5, kind: "delta", idle: 0 },
      { name: "lift", low: -1, high: 1, kind: "absolute" },
    ]);
  });

  it("is refused where it says no names", async () => {
    await expect(action()).rejects.toMatchObject({
      code: "world_manifest_invalid",
      facts: { path: "action.channels" },
    });
  });
});
