// The plans, in plain loops, against PyTorch's golden vectors.
import { hash, print } from "@worldstep/kernels";
import { beforeAll, describe, expect, it } from "vitest";
import { rollOut } from "../../../../test/fixtures/rollout.js";
import {
  type Goldens,
  inFrames,
  readGoldens,
  relativeError,
  row,
  TINY_WORLD,
} from "../../../../test/fixtures/worlds.js";
import { cleanPlan, denoisePlan } from "../../model/dynamics.js";
import { loadWorld, type World } from "../../world.js";
import { cameraOf } from "../../world-schema.js";
import { createReferenceBackend } from "./backend.js";

let world: World;
let goldens: Goldens;

beforeAll(async () => {
  world = await loadWorld(TINY_WORLD);
  goldens = await readGoldens();
});

describe("in plain loops, against PyTorch", () => {
  it.each([
    ["rollout", 1],
    ["rollout", 4],
    ["chunked", 4],
  ] as const)("%s, %i NFE: latents and heads to 1e-5", async (kind, nfe) => {
    const { latents, heads } = await rollOut(createReferenceBackend(world), goldens, nfe, kind);
    const golden = (name: string) => goldens.get(`${kind}${nfe}.${name}`);
    for (const [i, z] of latents.entries()) expect(relativeError(z, row(golden("z"), i))).toBeLessThan(1e-5);
    for (const name of ["reward", "success", "state"] as const) {
      for (const [i, read] of heads.entries())
        expect(relativeError(read[name], row(golden(name), i))).toBeLessThan(1e-4);
    }
  });

  it("encodes, and sees an appearance", async () => {
    const backend = createReferenceBackend(world);
    const { stride } = world.manifest;
    const frame = cameraOf(world.manifest);
    const size = frame.height * frame.width * 3;
    const { appearance } = await backend.tokenizer.begin(goldens.frames.subarray(0, size));
    expect(relativeError(appearance as Float32Array, goldens.get("appearance").data)).toBeLessThan(1e-5);
    const { latent, state } = await backend.tokenizer.encode(goldens.frames.slice(size, (1 + stride) * size));
    expect(relativeError(latent, row(goldens.get("encode.z"), 1))).toBeLessThan(1e-5);
    expect(relativeError(state, row(goldens.get("encode.state"), 1))).toBeLessThan(1e-5);
  });
});

it("decodes a stream of ticks: PyTorch's pixels, but where they lie between two bytes", async () => {
  const backend = createReferenceBackend(world);
  const [z, states] = [goldens.get("encode.z"), goldens.get("encode.state")];
  const { stride } = world.manifest;
  const frame = cameraOf(world.manifest);
  const area = frame.height * frame.width;
  let from = await backend.tokenizer.begin(goldens.frames.subarray(0, area * 3));
  for (let tick = 0; tick < 2; tick++) {
    const seen = { latent: row(z, tick), state: row(states, tick) };
    const decoded = await backend.tokenizer.decode(from, seen, row(states, Math.max(0, tick - 1)));
    from = decoded.next;
    const pixels = inFrames(row(goldens.get("decode.pixels"), tick), area);
    expect(decoded.frames).toHaveLength(stride * area * 3);
    for (const [i, value] of pixels.entries()) {
      expect(Math.abs((decoded.frames[i] as number) - Math.min(255, Math.max(0, value)))).toBeLessThan(0.501);
    }
  }
});

describe("a plan", () => {
  it("prints, compares and hashes", async () => {
    const [a, b] = [0, 1].map(() => denoisePlan(world.manifest, world.dynamics).plan) as [never, never];
    expect(print(a)).toBe(print(b));
    expect(await hash(a)).toBe(await hash(b));
    const clean = cleanPlan(world.manifest, world.dynamics).plan;
    expect(await hash(clean)).not.toBe(await hash(a));
    expect(clean.carries).toEqual([["recurrent.0", "next.recurrent.0"]]);
  });
});
