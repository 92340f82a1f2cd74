// The ort backend against PyTorch's golden vectors, against plain loops, and against itself.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { Tensor } from "onnxruntime-node";
import { beforeAll, describe, expect, it } from "vitest";
import { writeRandomWorld } from "../../../test/fixtures/random-world.js";
import { rollOut } from "../../../test/fixtures/rollout.js";
import { type Goldens, inFrames, readGoldens, relativeError, row, TINY_WORLD } from "../../../test/fixtures/worlds.js";
import { type PlainTick, recompute } from "../../../test/reference/dynamics.js";
import type { Backend, Heads } from "../backend.js";
import { Lane } from "../lane.js";
import { loadWorld, type World } from "../world.js";
import { cameraOf } from "../world-schema.js";
import { controlSize, stateSize } from "../world-tensors.js";
import { createOrtBackend } from "./backend.js";
import { Graph } from "./graph.js";
import { Layers } from "./layers.js";
import { OrtSession, type Tensors, zeros } from "./session.js";
import { appearanceGraph, decoderGraph } from "./tokenizer-graphs.js";

let world: World;
let goldens: Goldens;
let backend: Backend;

beforeAll(async () => {
  world = await loadWorld(TINY_WORLD);
  goldens = await readGoldens();
  backend = await createOrtBackend(world, { threads: 1 });
  return () => backend.close();
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

// The goldens' first frame, and its appearance.
async function begun() {
  const { tokenizer } = world.manifest;
  const { height, width } = cameraOf(world.manifest);
  const bytes = Uint8Array.from(goldens.frames.subarray(0, height * width * 3));
  const first = new Tensor("uint8", bytes, [height, width, 3]);
  const appearance = zeros(1, tokenizer.appearance);
  const session = await OrtSession.create(appearanceGraph(world), new Lane(), 1);
  await session.run({ frame: first }, { appearance });
  await session.close();
  return { first, appearance };
}

// Decodes the goldens' first `T` ticks in runs of `ticks`; the pixels about [-1, 1] of all.
async function decode(T: number, ticks: number) {
  const [z, states] = [goldens.get("encode.z"), goldens.get("encode.state")];
  const { stride, dynamics, tokenizer } = world.manifest;
  const { height: H, width: W } = cameraOf(world.manifest);
  const session = await OrtSession.create(decoderGraph(world, ticks), new Lane(), 1);
  const [, b, c] = tokenizer.widths;
  let memory: Tensors = { memory8: zeros(1, c, H / 8, W / 8), memory4: zeros(1, b, H / 4, W / 4) };
  const size = dynamics.tokens * tokenizer.latentChannels;
  const Q = stateSize(world.manifest);
  const { first, appearance } = await begun();
  const decoded = new Float32Array(T * 3 * stride * H * W);
  for (let t = 0; t < T; t += ticks) {
    const input = zeros(ticks, dynamics.tokens, tokenizer.latentChannels);
    input.data.set(z.data.slice(t * size, (t + ticks) * size));
    const [before, now] = [zeros(ticks, Q), zeros(ticks, Q)];
    for (let k = 0; k < ticks; k++) {
      before.data.set(row(states, earlier(t + k)), k * Q);
      now.data.set(row(states, t + k), k * Q);
    }
    const pixels = zeros(ticks, 3 * stride, H, W);
    const [next8, next4] = [zeros(1, c, H / 8, W / 8), zeros(1, b, H / 4, W / 4)];
    const outputs = { pixels, "next.memory8": next8, "next.memory4": next4 };
    await session.run({ z: input, before, now, first, appearance, ...memory }, outputs);
    memory = { memory8: next8, memory4: next4 };
    decoded.set(pixels.data, (t * decoded.length) / T);
  }
  await session.close();
  return decoded;
}

describe("against PyTorch, fp32", () => {
  it("encodes and reads each tick, to 1e-3", async () => {
    const [z, states] = [goldens.get("encode.z"), goldens.get("encode.state")];
    for (let i = 0; i < (z.shape[0] ?? 0); i++) {
      const { latent, state } = await backend.tokenizer.encode(tickFrames(i));
      expect(relativeError(latent, row(z, i))).toBeLessThan(1e-3);
      expect(relativeError(state, row(states, i))).toBeLessThan(1e-3);
    }
  });

  it("sees the appearance of the first frame, to 1e-3", async () => {
    const { appearance } = await begun();
    expect(relativeError(appearance.data, goldens.get("appearance").data)).toBeLessThan(1e-3);
  });

  it("decodes a stream of ticks, pixels to 1e-3", async () => {
    const pixels = goldens.get("decode.pixels");
    const ticks = pixels.shape[0] ?? 0;
    expect(relativeError(await decode(ticks, 1), pixels.data)).toBeLessThan(1e-3);
  });

  it("decodes a stream to frames: those pixels, rounded half to even as PyTorch does", async () => {
    const { stride } = world.manifest;
    const { height, width } = cameraOf(world.manifest);
    const [z, states] = [goldens.get("encode.z"), goldens.get("encode.state")];
    const ticks = z.shape[0] ?? 0;
    const pixels = await decode(ticks, 1);
    const area = height * width;
    let decoder = await backend.tokenizer.begin(tickFrames(0).subarray(0, area * 3));
    for (let tick = 0; tick < ticks; tick++) {
      const seen = { latent: row(z, tick), state: row(states, tick) };
      const decoded = await backend.tokenizer.decode(decoder, seen, row(states, earlier(tick)));
      const { frames } = decoded;
      decoder = decoded.next;
      const size = 3 * stride * area;
      const expected = inFrames(pixels.slice(tick * size, (tick + 1) * size), area).map((value) => {
        const down = Math.floor(value);
        const rounded = value - down === 0.5 ? down + (down % 2) : Math.round(value);
        return Math.min(255, Math.max(0, rounded));
      });
      expect(frames).toEqual(Uint8Array.from(expected));
      expect(frames).toHaveLength(stride * area * 3);
    }
  });

  it.each([
    ["rollout", 1],
    ["rollout", 4],
    ["chunked", 1],
    ["chunked", 4],
  ] as const)("%s, %i NFE: past the window, latents and heads to 1e-3", async (kind, nfe) => {
    const { latents, heads } = await rollOut(backend, goldens, nfe, kind);
    expect(latents.length).toBeGreaterThan(world.manifest.dynamics.window + 2);
    const golden = (name: string) => goldens.get(`${kind}${nfe}.${name}`);
    for (const [i, z] of latents.entries()) expect(relativeError(z, row(golden("z"), i))).toBeLessThan(1e-3);
    for (const name of ["reward", "success", "state"] as const) {
      const got = heads.flatMap((read: Heads) => [...read[name]]);
      expect(relativeError(got, golden(name).data)).toBeLessThan(1e-3);
    }
  });
});

describe("fast paths equal slow paths", () => {
  it("decoding tick by tick equals decoding the whole clip in one run, bit for bit", async () => {
    const ticks = goldens.get("encode.z").shape[0] ?? 0;
    expect(ticks).toBeGreaterThan(3);
    expect(await decode(ticks, 1)).toEqual(await decode(ticks, ticks));
  });

  it("a K/V memory gives what recomputing all ticks in float64 gives, to 1e-4, long past the window", () =>
    compareWithLoops(world, backend, 3 * world.manifest.dynamics.window + 2));

  it("so it does where world.json has other sizes and constants", async () => {
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
    const other = await loadWorld(folder);
    const itsBackend = await createOrtBackend(other, { threads: 1 });
    await compareWithLoops(other, itsBackend, 6);
    const frames = new Uint8Array(4 * 32 * 32 * 3).fill(90);
    const seen = await itsBackend.tokenizer.encode(frames);
    const decoded = await itsBackend.tokenizer.decode(
      await itsBackend.tokenizer.begin(frames.subarray(0, 32 * 32 * 3)),
      seen,
      seen.state,
    );
    expect(decoded.frames).toHaveLength(frames.length);
    await itsBackend.close();
    await rm(folder, { recursive: true });
  });
});

async function compareWithLoops(world: World, { dynamics }: Backend, count: number): Promise<void> {
  const { dynamics: sizes, tokenizer } = world.manifest;
  let context = dynamics.empty;
  const ticks: PlainTick[] = [];
  const size = sizes.tokens * tokenizer.latentChannels;
  const drawn = (length: number, seed: number) =>
    Float32Array.from({ length }, (_, i) => Math.sin(1 + seed * 7.3 + i * i));
  let previous: Float32Array = new Float32Array(size);
  let before = drawn(controlSize(world.manifest), 0.5);
  for (let tick = 0; tick < count; tick++) {
    const z = drawn(size, tick);
    const control = drawn(controlSize(world.manifest), tick + 0.5);
    const predicted = await dynamics.predict(control, before);
    const input = { previous, controls: control, predicted };
    const noisy = { z, previous, control, before, t: 0.7, r: 0.3 };
    const end = await dynamics.denoise(context, z, input, 0.7, 0.3);
    expect(relativeError(end, recompute(world, [...ticks, noisy]).end)).toBeLessThan(1e-4);
    ticks.push({ z, previous, control, before, t: 0, r: 0 });
    const made = await dynamics.read(context, z, input);
    const { reward, success, state } = made.heads;
    expect(relativeError([...reward, ...success, ...state], recompute(world, ticks).heads)).toBeLessThan(1e-4);
    context = made.context;
    [previous, before] = [z, control];
  }
}

describe("int8", () => {
  it("a row of a matrix product has the same bits alone and among any others", async () => {
    const [from, to] = [64, 48];
    const weight = (seed: number) => Float32Array.from({ length: to * from }, (_, i) => Math.sin(seed + i * i));
    const product = async (x: readonly (readonly number[])[]) => {
      const graph = new Graph("product");
      const layers = new Layers(graph, new Map(), "int8");
      const input = graph.input("x", "float32", ["rows", from]);
      graph.output("y", layers.matmul(input, { data: weight(1), shape: [to, from] }), "float32", ["rows", to]);
      const session = await OrtSession.create(graph.build(), new Lane(), 1);
      const [rows, y] = [zeros(x.length, from), zeros(x.length, to)];
      rows.data.set(x.flat());
      await session.run({ x: rows }, { y });
      await session.close();
      return x.map((_, i) => Array.from(y.data.subarray(i * to, (i + 1) * to)));
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
    const int8 = await createOrtBackend(world, { precision: "int8", threads: 1 });
    const expected = await rollOut(backend, goldens, 4);
    const got = await rollOut(int8, goldens, 4);
    for (const [i, z] of got.latents.entries()) expect(relativeError(z, expected.latents[i] ?? [])).toBeLessThan(0.05);
    expect(got.latents.at(-1)).not.toEqual(expected.latents.at(-1));
    await int8.close();
  });
});
