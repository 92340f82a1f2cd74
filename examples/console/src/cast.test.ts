import type { EnvSpec } from "@worldstep/sdk";
import { describe, expect, test } from "vitest";
import { cast, partners } from "./cast.js";
import { psnr } from "./psnr.js";
import { blockOf, firstRow, stillRow } from "./row.js";

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
    cameras: [],
    state: [],
    determinism: "bitwise",
    acceptsFrames: false,
    ...changes,
  };
}

const simulator = world("simulator");
const model = world("model", { nfe: { min: 1, max: 8, default: 1 }, acceptsFrames: true });

describe("cast", () => {
  test("a model stands beside the simulator that takes its actions, whatever their order", () => {
    expect(cast([model, simulator])).toEqual({ left: simulator, right: model });
    expect(cast([simulator, world("another"), model])).toEqual({ left: simulator, right: model });
    const other = world("other", {
      action: model.action.map((channel) => ({ ...channel, name: `${channel.name} 2` })),
    });
    expect(cast([other, model, simulator])).toEqual({ left: simulator, right: model });
  });

  test("one world stands alone, and so does the first where no two belong together", () => {
    expect(cast([model])).toEqual({ left: model });
    const other = { ...model, actionSpace: { ...model.actionSpace, shape: [4, 2] } };
    expect(cast([other, simulator])).toEqual({ left: other });
    expect(partners([other, simulator, model], model)).toEqual([simulator]);
  });
});

describe("a row of actions", () => {
  const spec = world("arm", { proprioception: ["lift (m)", "x (m)"] });

  test("begins where the robot is, and idle where a channel springs back", () => {
    expect([...firstRow(spec, [0.5, 9])]).toEqual([0, 0.5, 0]);
    expect([...firstRow(spec, [7, 9])]).toEqual([0, 1, 0]); // no further than the channel goes
    expect([...firstRow(simulator, [])]).toEqual([0, 0, 0]); // nothing is known of where it is
  });

  test("holds still by saying the same again, or what is idle", () => {
    expect([...stillRow(spec, [0.5, 0.25, -1])]).toEqual([0, 0.25, 0]);
  });

  test("is held for the control steps of the tick, within the action space", () => {
    expect([...blockOf(simulator, [1.5, 0, -0.5])]).toEqual([1, 0, -0.5, 1, 0, -0.5, 1, 0, -0.5, 1, 0, -0.5]);
  });
});

test("psnr: 10 log10(255^2 / mse)", () => {
  const tensor = (...values: number[]) =>
    ({ dtype: "uint8", shape: [values.length], data: Uint8Array.from(values) }) as const;
  expect(psnr(tensor(0, 10), tensor(0, 10))).toBe(Number.POSITIVE_INFINITY);
  expect(psnr(tensor(0, 10), tensor(5, 5))).toBeCloseTo(10 * Math.log10(255 ** 2 / 25));
});
