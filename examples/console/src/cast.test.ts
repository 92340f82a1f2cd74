import type { EnvSpec } from "@worldstep/sdk";
import { describe, expect, test } from "vitest";
import { canFollow, cast } from "./cast.js";
import { blockOf, type Move, STILL } from "./move.js";
import { psnr } from "./psnr.js";

const frames = (size: number) =>
  ({ type: "box", dtype: "uint8", shape: [4, size, size, 3], low: 0, high: 255 }) as const;

function world(id: string, changes: Partial<EnvSpec> = {}): EnvSpec {
  return {
    id,
    fps: 20,
    stride: 4,
    observationSpace: { type: "dict", spaces: { frames: frames(64) } },
    actionSpace: { type: "box", dtype: "float32", shape: [4, 3], low: -1, high: 1 },
    action: [
      { name: "dx", unit: "m", low: -0.015, high: 0.015, kind: "delta", idle: 0 },
      { name: "lift", low: -1, high: 1, kind: "absolute" },
      { name: "gripper", unit: "m", low: -0.02, high: 0.02, kind: "gripper", idle: 0 },
    ],
    proprioception: [],
    tasks: ["play"],
    starts: [],
    maxTicks: 60,
    acceptsFrames: false,
    ...changes,
  };
}

const simulator = world("simulator");
const model = world("model", { nfe: { min: 1, max: 8, default: 1 }, acceptsFrames: true });

describe("cast", () => {
  test("a world that samples nothing is real, a model is dreamed, in any order", () => {
    expect(cast([model, simulator])).toEqual({ real: simulator, dreamed: model });
    expect(cast([simulator, world("another"), model])).toEqual({ real: simulator, dreamed: model });
  });

  test("one world stands alone, and so does a simulator whose actions no model takes", () => {
    expect(cast([model])).toEqual({ dreamed: model });
    expect(cast([simulator])).toEqual({ real: simulator });
    const other = { ...model, actionSpace: { ...model.actionSpace, shape: [4, 2] } };
    expect(cast([simulator, other])).toEqual({ real: simulator });
  });

  test("a model follows a real frame of its own size", () => {
    expect(canFollow(model, simulator)).toBe(true);
    expect(canFollow({ ...model, observationSpace: { type: "dict", spaces: { frames: frames(32) } } }, simulator)).toBe(
      false,
    );
    expect(canFollow({ ...model, acceptsFrames: false }, simulator)).toBe(false);
  });
});

test("a move goes to the channels of its names, in every row, within the action space", () => {
  const move: Move = { ...STILL, dx: 1.5, dz: 1, gripper: -0.5 };
  expect([...blockOf(simulator, move)]).toEqual([1, 0, -0.5, 1, 0, -0.5, 1, 0, -0.5, 1, 0, -0.5]);
});

test("psnr: 10 log10(255^2 / mse)", () => {
  const tensor = (...values: number[]) =>
    ({ dtype: "uint8", shape: [values.length], data: Uint8Array.from(values) }) as const;
  expect(psnr(tensor(0, 10), tensor(0, 10))).toBe(Number.POSITIVE_INFINITY);
  expect(psnr(tensor(0, 10), tensor(5, 5))).toBeCloseTo(10 * Math.log10(255 ** 2 / 25));
});
