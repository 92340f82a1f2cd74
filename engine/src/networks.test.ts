// A world's networks on each backend: against PyTorch's golden vectors, against one another, and against themselves.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hash, print } from "@worldstep/kernels";
import fc from "fast-check";
import * as ort from "onnxruntime-node";
import { beforeAll, describe, expect, it } from "vitest";
import { writeRandomWorld } from "../../test/fixtures/random-world.js";
import { rollOut } from "../../test/fixtures/rollout.js";
import { type Goldens, inFrames, readGoldens, relativeError, row, TINY_WORLD } from "../../test/fixtures/worlds.js";
import type { Backend } from "./backend.js";
import { OrtBackend } from "./backends/ort/backend.js";
import { Graph } from "./backends/ort/graph.js";
import { Layers } from "./backends/ort/layers.js";
import { ReferenceBackend } from "./backends/reference/backend.js";
import { cleanPlan, denoisePlan } from "./model/dynamics.js";
import { type DecoderState, type Heads, Networks } from "./networks.js";
import { FolderSource } from "./world/folder.js";
import { cameraOf } from "./world/schema.js";
import { controlSize } from "./world/tensors.js";
import { loadWorld, type World } from "./world/world.js";

let world: World;
let goldens: Goldens;

beforeAll(async () => {
  world = await loadWorld(new FolderSource(TINY_WORLD));
  goldens = await readGoldens();
});

// The frames of tick i of the goldens: the first frame fills tick 0.
function tickFrames(i: number): Uint8Array {
  const { stride } = world.manifest;
  const { height, width } = cameraOf(world.manifest);
  const size = height * width * 3;
  if (i > 0) return goldens.frames.slice((1 + (i - 1) * stride) * size, (1 + i * stride) * size);
  const tick = new Uint8Array(stride * size);
  for (let at = 0; at < tick.length; at += size) tick.set(goldens.frames.subarray(0, size), at);
  return tick;
}

// The tick before each of the goldens' ticks: the first has none and stands still.
const earlier = (tick: number): number => Math.max(0, tick - 1);

describe.each([
  ["onnx runtime", () => new OrtBackend({ threads: 1 }), 1e-3],
  ["plain loops", () => new ReferenceBackend(), 1e-4],
] as const)("%s, against PyTorch, fp32", (_, open, tolerance) => {
  let networks: Networks;
  beforeAll(async () => {
    const backend: Backend = open();
    networks = await Networks.open(world, backend, "fp32");
    return () => backend.close();
  });

  it("encodes and reads each tick", async () => {
    const [z, states] = [goldens.get("encode.z"), goldens.get("encode.state")];
    const ticks = tolerance < 1e-3 ? 2 : (z.shape[0] ?? 0);
    for (let i = 0; i < ticks; i++) {
      const { latent, state } = await networks.encode(tickFrames(i));
      expect(relativeError(latent, row(z, i))).toBeLessThan(tolerance);
      expect(relativeError(state, row(states, i))).toBeLessThan(tolerance);
    }
  });

  it("sees the appearance of the first frame, and decodes a stream of ticks: each byte next to PyTorch's number", async () => {
    const { height, width } = cameraOf(world.manifest);
    const area = height * width;
    let decoder: DecoderState = await networks.begin(tickFrames(0).subarray(0, area * 3));
    expect(relativeError(decoder.appearance ?? [], goldens.get("appearance").data)).toBeLessThan(tolerance);
    const [z, states, pixels] = ["encode.z", "encode.state", "decode.pixels"].map((name) => goldens.get(name)) as [
      ReturnType<Goldens["get"]>,
      ReturnType<Goldens["get"]>,
      ReturnType<Goldens["get"]>,
    ];
    const ticks = tolerance < 1e-3 ? 2 : (pixels.shape[0] ?? 0);
    for (let tick = 0; tick < ticks; tick++) {
      const seen = { latent: row(z, tick), state: row(states, tick) };
      const { frames, next } = await networks.decode(networks.pass(decoder, seen, row(states, earlier(tick))));
      decoder = next;
      const meant = inFrames(row(pixels, tick), area);
      expect(frames).toHaveLength(meant.length);
      const off = (value: number, i: number) => Math.abs(value - Math.min(255, Math.max(0, meant[i] as number)));
      expect(frames.reduce((most, value, i) => Math.max(most, off(value, i)), 0)).toBeLessThan(0.55);
    }
  });

  it.each([
    ["rollout", 1],
    ["rollout", 4],
    ["chunked", 1],
    ["chunked", 4],
  ] as const)("%s, %i NFE: past the window, latents and heads", async (kind, nfe) => {
    const { latents, heads } = await rollOut(networks, goldens, nfe, kind);
    expect(latents.length).toBeGreaterThan(world.manifest.dynamics.window + 2);
    const golden = (name: string) => goldens.get(`${kind}${nfe}.${name}`);
    for (const [i, z] of latents.entries()) expect(relativeError(z, row(golden("z"), i))).toBeLessThan(tolerance);
    for (const name of ["reward", "success", "state"] as const) {
      const got = heads.flatMap((read: Heads) => [...read[name]]);
      expect(relativeError(got, golden(name).data)).toBeLessThan(tolerance);
    }
  });
});

describe("fast paths equal slow paths", () => {
  it("a world of other sizes and constants on ONNX Runtime does what the loops do, long past the window", async () => {
    const folder = await mkdtemp(join(tmpdir(), "worldstep-sizes-"));
    const { near, far } = world.manifest.tokenizer.reader;
    await writeRandomWorld(folder, 32, {
      tokenizer: {
        kept: 8,
        reader: {
          near: [...near.slice(0, 2), { stride: 2, channels: 9 }],
          far: [...far, { stride: 2, channels: 8 }],
          maps: 3,
          whole: 7,
          features: 5,
        },
        renderer: {
          ...world.manifest.tokenizer.renderer,
          width: 24,
          points: 5,
          hidden: 6,
          channels: 7,
          stateFrequencies: [1],
          placeFrequencies: [2, 3],
        },
      },
      dynamics: {
        rotary: [0.7, 0.3],
        levels: { size: 6, radians: 9 },
        stateFrequencies: [0.5, 2, 5],
        spot: 5,
        router: { width: 9 },
        readout: { maps: 3, deadband: 0.002 },
        predictor: { width: 40, features: 20, change: 2.5, deadband: 0.001 },
        scores: { width: 11 },
      },
    });
    await compareWithLoops(await loadWorld(new FolderSource(folder)), 6);
    await rm(folder, { recursive: true });
  });
});

async function compareWithLoops(other: World, count: number): Promise<void> {
  const backends = [new OrtBackend({ threads: 1 }), new ReferenceBackend()];
  const [fast, slow] = (await Promise.all(backends.map((backend) => Networks.open(other, backend, "fp32")))) as [
    Networks,
    Networks,
  ];
  const { tokens } = other.manifest.dynamics;
  const drawn = (length: number, seed: number) =>
    Float32Array.from({ length }, (_, i) => Math.sin(1 + seed * 7.3 + i * i));
  let previous: Float32Array = new Float32Array(tokens * other.manifest.tokenizer.latentChannels);
  let before = drawn(controlSize(other.manifest), 0.5);
  let contexts = [fast.empty, slow.empty] as const;
  for (let tick = 0; tick < count; tick++) {
    const z = drawn(previous.length, tick);
    const control = drawn(controlSize(other.manifest), tick + 0.5);
    const both = [fast, slow].map(async (networks, i) => {
      const context = contexts[i] as typeof fast.empty;
      const move = await networks.move(control, before, previous);
      const end = await networks.denoise(context, z, previous, [move], 0.7, 0.3);
      return { move, end, ...(await networks.read(context, z, previous, move)) };
    });
    const [made, meant] = (await Promise.all(both)) as [Awaited<(typeof both)[0]>, Awaited<(typeof both)[0]>];
    expect(relativeError(made.move.predicted, meant.move.predicted)).toBeLessThan(1e-4);
    expect(relativeError(made.end, meant.end)).toBeLessThan(1e-4);
    for (const name of ["reward", "success", "state"] as const) {
      expect(relativeError(made.heads[name], meant.heads[name])).toBeLessThan(1e-4);
    }
    contexts = [made.context, meant.context];
    [previous, before] = [z, control];
  }
  const { height, width } = cameraOf(other.manifest);
  const frames = new Uint8Array(other.manifest.stride * height * width * 3).fill(90);
  const [made, meant] = await Promise.all(
    [fast, slow].map(async (networks) => {
      const seen = await networks.encode(frames);
      const begun = await networks.begin(frames.subarray(0, height * width * 3));
      return { ...seen, ...(await networks.decode(networks.pass(begun, seen, seen.state))) };
    }),
  );
  expect(relativeError(made?.latent ?? [], meant?.latent ?? [])).toBeLessThan(1e-4);
  expect(made?.frames.findIndex((value, i) => Math.abs(value - (meant?.frames[i] as number)) > 1)).toBe(-1);
  for (const backend of backends) await backend.close();
}

describe("a plan", () => {
  it("prints, compares and hashes", async () => {
    const [a, b] = [0, 1].map(() => denoisePlan(world.manifest, world.dynamics).plan) as [
      ReturnType<typeof denoisePlan>["plan"],
      ReturnType<typeof denoisePlan>["plan"],
    ];
    expect(print(a)).toBe(print(b));
    expect(await hash(a)).toBe(await hash(b));
    const clean = cleanPlan(world.manifest, world.dynamics).plan;
    expect(await hash(clean)).not.toBe(await hash(a));
    expect(clean.carries).toEqual([["recurrent.0", "next.recurrent.0"]]);
  });
});

describe("int8", () => {
  it("a row of a matrix product has the same bits alone and among any others", async () => {
    const [from, to] = [64, 48];
    const weight = (seed: number) => Float32Array.from({ length: to * from }, (_, i) => Math.sin(seed + i * i));
    const product = async (x: readonly (readonly number[])[]) => {
      const graph = new Graph("product");
      const layers = new Layers(graph, new Map(), "int8");
      const input = graph.input("x", "float32", ["rows", from]);
      graph.output("y", layers.matmul(input, { data: weight(1), shape: [to, from] }), "float32", ["rows", to]);
      const session = await ort.InferenceSession.create(graph.build(), { intraOpNumThreads: 1 });
      const { y } = await session.run({ x: new ort.Tensor("float32", Float32Array.from(x.flat()), [x.length, from]) });
      const data = y?.data as Float32Array;
      await session.release();
      return x.map((_, i) => Array.from(data.subarray(i * to, (i + 1) * to)));
    };
    const number = fc.float({ min: -1e6, max: 1e6, noNaN: true });
    const line = fc.array(number, { minLength: from, maxLength: from });
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 2, maxLength: 40 }), fc.nat(), async (x, pick) => {
        const i = pick % x.length;
        expect(await product([x[i] as number[]])).toEqual([(await product(x))[i]]);
      }),
      { numRuns: 25 },
    );
    const nothing = await product([new Array(from).fill(0)]);
    expect(nothing.flat().map(Math.abs)).toEqual(new Array(to).fill(0));
  });

  it("stays within 5 % of fp32, relative to the largest value, over a rollout", async () => {
    const backend = new OrtBackend({ threads: 1 });
    const [expected, got] = [
      await rollOut(await Networks.open(world, backend, "fp32"), goldens, 4),
      await rollOut(await Networks.open(world, backend, "int8"), goldens, 4),
    ];
    for (const [i, z] of got.latents.entries()) expect(relativeError(z, expected.latents[i] ?? [])).toBeLessThan(0.05);
    expect(got.latents.at(-1)).not.toEqual(expected.latents.at(-1));
    await backend.close();
  });
});
