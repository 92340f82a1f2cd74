// Plans on ONNX Runtime: against the plain loops, and each session of a batch against itself alone.
import type { Plan, Tensor } from "@worldstep/kernels";
import { interpret } from "@worldstep/kernels/reference";
import * as ort from "onnxruntime-node";
import { beforeAll, describe, expect, it } from "vitest";
import { TINY_WORLD } from "../../../../test/fixtures/worlds.js";
import { decodePlan } from "../../model/decoder.js";
import { cleanPlan, controlPlan, denoisePlan } from "../../model/dynamics.js";
import { appearancePlan, encodePlan } from "../../model/encoder.js";
import type { Weights } from "../../model/recorder.js";
import { uncertaintyPlan } from "../../model/uncertainty.js";
import { FolderSource } from "../../world/folder.js";
import { loadWorld, type World } from "../../world/world.js";
import { lower } from "./lower.js";

type Numbers = { readonly shape: readonly number[]; readonly data: Float32Array | Uint8Array | Int32Array };
type Inputs = Readonly<Record<string, Numbers>>;

let world: World;
beforeAll(async () => {
  world = await loadWorld(new FolderSource(TINY_WORLD));
});

const PLANS: Readonly<Record<string, () => { readonly plan: Plan; readonly weights: Weights }>> = {
  control: () => controlPlan(world.manifest, world.dynamics),
  denoise: () => denoisePlan(world.manifest, world.dynamics),
  clean: () => cleanPlan(world.manifest, world.dynamics),
  encode: () => encodePlan(world.manifest, world.tokenizer),
  appearance: () => appearancePlan(world.manifest, world.tokenizer),
  decode: () => decodePlan(world.manifest, world.tokenizer),
  uncertainty: () => uncertaintyPlan(world.manifest, world.uncertainty as Weights),
};

let random = 1;
function draw(): number {
  random = (random * 48_271) % 2_147_483_647;
  return random / 2_147_483_647;
}

/** Numbers of the kind that `name` has, for B sessions and T ticks. */
function numbers(name: string, { shape, dtype }: Tensor, B: number, T: number): Numbers {
  const sizes = shape.map((dim) => (dim === "B" ? B : dim === "T" ? T : dim));
  const count = sizes.reduce((product, size) => product * size, 1);
  if (dtype === "u8") return { shape: sizes, data: Uint8Array.from({ length: count }, () => 256 * draw()) };
  if (name === "ages") {
    const { window } = world.manifest.dynamics;
    const age = (i: number) => (i % (window + 1) === 0 ? window + 1 : Math.floor((window + 1) * draw()));
    return { shape: sizes, data: Int32Array.from({ length: count }, (_, i) => age(i)) };
  }
  if (dtype === "i32") return { shape: sizes, data: new Int32Array(count).fill(1) };
  const level = name === "levels";
  return { shape: sizes, data: Float32Array.from({ length: count }, () => (level ? draw() : 2 * draw() - 1)) };
}

function inputsOf(plan: Plan, B: number, T: number): Inputs {
  return Object.fromEntries(Object.entries(plan.inputs).map(([name, tensor]) => [name, numbers(name, tensor, B, T)]));
}

async function run(session: ort.InferenceSession, inputs: Inputs): Promise<Record<string, ort.Tensor>> {
  const type = (data: Numbers["data"]) =>
    data instanceof Uint8Array ? "uint8" : data instanceof Int32Array ? "int32" : "float32";
  const tensors = Object.entries(inputs).map(([name, { shape, data }]) => {
    return [name, new ort.Tensor(type(data) as "float32", data as Float32Array, shape)];
  });
  return (await session.run(Object.fromEntries(tensors))) as Record<string, ort.Tensor>;
}

/** Session b of a batch, alone. */
function alone(plan: Plan, inputs: Inputs, b: number): Inputs {
  const entries = Object.entries(inputs).map(([name, { shape, data }]) => {
    if (plan.inputs[name]?.shape[0] !== "B") return [name, { shape, data }] as const;
    const size = data.length / (shape[0] as number);
    return [name, { shape: [1, ...shape.slice(1)], data: data.slice(b * size, (b + 1) * size) }] as const;
  });
  return Object.fromEntries(entries);
}

describe.each(Object.keys(PLANS))("%s", (name) => {
  it.each(name === "denoise" ? [1, 3] : [1])("equals the plain loops, chunks of %i ticks", async (T) => {
    const { plan, weights } = (PLANS[name] as () => { plan: Plan; weights: Weights })();
    const session = await ort.InferenceSession.create(lower(plan, weights), { intraOpNumThreads: 1 });
    const inputs = inputsOf(plan, 2, T);
    const made = await run(session, inputs);
    const meant = interpret(plan, inputs, (weight) => weights.get(weight) as never);
    expect(Object.keys(made).sort()).toEqual(Object.keys(meant).sort());
    for (const [output, { shape, data }] of Object.entries(meant)) {
      const got = made[output] as ort.Tensor;
      expect(got.dims, output).toEqual(shape);
      if (plan.outputs[output]?.dtype === "u8") {
        const off = data.filter((value, i) => Math.abs(value - (got.data[i] as number)) > 1);
        expect(off, output).toHaveLength(0);
        continue;
      }
      const most = data.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
      const off = data.reduce((max, value, i) => Math.max(max, Math.abs(value - (got.data[i] as number))), 0);
      expect(off, output).toBeLessThan(2e-5 * (1 + most));
    }
    await session.release();
  });

  if (["denoise", "clean"].includes(name)) {
    it.each(
      name === "denoise" ? [1, 3] : [1],
    )("is the same with keys and values made, chunks of %i ticks", async (T) => {
      const { plan, weights } = (PLANS[name] as () => { plan: Plan; weights: Weights })();
      const inputs = inputsOf(plan, 2, T);
      const made = await Promise.all(
        (["absorbed", "made"] as const).map(async (keys) => {
          const session = await ort.InferenceSession.create(lower(plan, weights, "fp32", keys));
          const outputs = await run(session, inputs);
          await session.release();
          return outputs;
        }),
      );
      const [absorbed, other] = made as [Record<string, ort.Tensor>, Record<string, ort.Tensor>];
      for (const [output, { data }] of Object.entries(absorbed)) {
        const numbers = [...(data as Float32Array)];
        const most = numbers.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
        const off = numbers.map((value, i) => Math.abs(value - ((other[output] as ort.Tensor).data[i] as number)));
        expect(Math.max(...off), output).toBeLessThan(2e-5 * (1 + most));
      }
    });
  }

  const precisions = ["denoise", "clean"].includes(name) ? (["fp32", "int8"] as const) : (["fp32"] as const);
  it.each(
    precisions,
  )("makes of each session of a batch what it makes of it alone, bit for bit, in %s", async (precision) => {
    const { plan, weights } = (PLANS[name] as () => { plan: Plan; weights: Weights })();
    const session = await ort.InferenceSession.create(lower(plan, weights, precision), { intraOpNumThreads: 2 });
    for (const [B, T] of name === "denoise"
      ? [
          [5, 1],
          [3, 2],
        ]
      : [
          [7, 1],
          [2, 1],
        ]) {
      const inputs = inputsOf(plan, B as number, T as number);
      const together = await run(session, inputs);
      for (let b = 0; b < (B as number); b++) {
        const made = await run(session, alone(plan, inputs, b));
        for (const [output, { data }] of Object.entries(made)) {
          const size = data.length;
          const same = (together[output] as ort.Tensor).data.slice(b * size, (b + 1) * size) as Float32Array;
          expect(Buffer.from(same.buffer).equals(Buffer.from((data as Float32Array).slice().buffer)), output).toBe(
            true,
          );
        }
      }
    }
    await session.release();
  });
});
