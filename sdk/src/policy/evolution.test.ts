import type { ActionLike, Env, EnvSpec, ResetOptions, ResetResult, StepResult } from "@worldstep/protocols";
import { expect, it } from "vitest";
import { VectorEnv } from "../env/vector-env.js";
import { beginEvolution, type EvolutionState, nextGeneration } from "./evolution.js";

const SPEC: EnvSpec = {
  id: "point",
  fps: 20,
  stride: 4,
  observationSpace: {
    type: "dict",
    spaces: {
      frames: { type: "box", dtype: "uint8", shape: [4, 1, 1, 3], low: 0, high: 255 },
      proprioception: { type: "box", dtype: "float32", shape: [3], low: -2, high: 2 },
    },
  },
  actionSpace: { type: "box", dtype: "float32", shape: [4, 5], low: -1, high: 1 },
  action: ["dx", "dy", "nothing", "nothing", "nothing"].map((name) => ({
    name,
    low: -1,
    high: 1,
    kind: "delta",
    idle: 0,
  })),
  proprioception: ["to the goal, x", "to the goal, y", "1"],
  tasks: ["reach"],
  starts: [],
  maxTicks: 20,
  cameras: [],
  state: [],
  determinism: "bitwise",
  acceptsFrames: false,
};

/** A point in the plane that should go to the origin: a whole world, small enough to be played thousands of times a second. */
class PointEnv implements Env {
  readonly spec = SPEC;
  #at: [number, number] = [0, 0];
  #ticks = 0;
  #maxTicks = 0;

  async reset({ seed = 0, maxTicks = 20 }: ResetOptions = {}): Promise<ResetResult> {
    this.#at = [Math.sin(seed), Math.cos(seed)];
    [this.#ticks, this.#maxTicks] = [0, maxTicks];
    return { observation: this.#observation(), info: {} };
  }

  async step(action: ActionLike): Promise<StepResult> {
    const rows = action instanceof Float32Array ? action : (action as { data: Float32Array }).data;
    for (let i = 0; i < 20; i += 5) {
      this.#at[0] += 0.05 * (rows[i] as number);
      this.#at[1] += 0.05 * (rows[i + 1] as number);
    }
    const distance = Math.hypot(...this.#at);
    const terminated = distance < 0.1;
    const truncated = !terminated && ++this.#ticks === this.#maxTicks;
    return { observation: this.#observation(), reward: -distance, terminated, truncated, info: {} };
  }

  async close(): Promise<void> {}

  #observation() {
    return {
      frames: { dtype: "uint8" as const, shape: [4, 1, 1, 3], data: new Uint8Array(12) },
      proprioception: { dtype: "float32" as const, shape: [3], data: Float32Array.of(-this.#at[0], -this.#at[1], 1) },
    };
  }
}

const SETTINGS = { seed: 1, task: "reach", population: 8, episodes: 4, maxTicks: 12, sigma: 0.3, learningRate: 0.3 };
const WEIGHTS = 15;

/** The same row four times: a linear map of `features`, its weights a row an action. */
function blockOf(weights: Float32Array, features: Float32Array): Float32Array {
  const row = (a: number) => features.reduce((sum, x, f) => sum + x * (weights[a * features.length + f] as number), 0);
  return Float32Array.from({ length: 20 }, (_, i) => Math.tanh(row(i % 5)));
}

async function evolved(state: EvolutionState, generations: number, size = 5): Promise<EvolutionState> {
  const env = new VectorEnv(
    Array.from({ length: size }, () => new PointEnv()),
    { autoreset: "Disabled" },
  );
  let last = state;
  for (let i = 0; i < generations; i++) {
    last = await nextGeneration(last, env, async (weights, { proprioception }) =>
      blockOf(weights, proprioception.data),
    );
  }
  return last;
}

it("learns, and counts its steps", async () => {
  const { history } = await evolved(beginEvolution(SETTINGS, WEIGHTS), 40);
  expect(history.map(({ number }) => number)).toEqual(history.map((_, i) => i + 1));
  expect(history[0]?.success).toBeLessThan(0.2);
  expect(history.at(-1)?.success).toBeGreaterThan(0.9);
  expect(history.at(-1)?.meanReturn).toBeGreaterThan(history[0]?.meanReturn as number);
  expect(history[0]?.steps).toBeGreaterThan(8 * 4 * 10);
  expect(history[0]?.steps).toBeLessThanOrEqual(8 * 4 * 12);
});

it("the average is of all weights at first, of the last ten or so later", async () => {
  let [state, all] = [beginEvolution(SETTINGS, WEIGHTS), [] as number[]];
  for (let number = 1; number <= 20; number++) {
    const before = state.average[0] as number;
    state = await evolved(state, 1);
    const newest = state.weights[0] as number;
    all = [...all, newest];
    const expected = number <= 10 ? all.reduce((sum, w) => sum + w, 0) / number : 0.9 * before + 0.1 * newest;
    expect(state.average[0]).toBeCloseTo(expected, 9);
  }
});

it("the same seed gives the same weights, however many envs there are; another gives others", async () => {
  const first = await evolved(beginEvolution(SETTINGS, WEIGHTS), 3);
  expect(await evolved(beginEvolution(SETTINGS, WEIGHTS), 3, 2)).toEqual(first);
  expect(await evolved(beginEvolution(SETTINGS, WEIGHTS), 3, 50)).toEqual(first);
  expect((await evolved(beginEvolution({ ...SETTINGS, seed: 2 }, WEIGHTS), 3)).weights).not.toEqual(first.weights);
});

it("goes on from a checkpoint to the bit", async () => {
  const whole = await evolved(beginEvolution(SETTINGS, WEIGHTS), 6);
  const half = JSON.stringify(await evolved(beginEvolution(SETTINGS, WEIGHTS), 3));
  expect(await evolved(JSON.parse(half) as EvolutionState, 3)).toEqual(whole);
});

it.each([
  { population: 7 },
  { population: 0 },
  { episodes: 0.5 },
  { maxTicks: 0 },
  { sigma: 0 },
  { learningRate: Number.NaN },
])("refuses %o", (bad) => {
  expect(() => beginEvolution({ ...SETTINGS, ...bad }, WEIGHTS)).toThrow(
    expect.objectContaining({ code: "option_evolution" }),
  );
});

it("refuses envs that reset by themselves", async () => {
  const env = new VectorEnv([new PointEnv()]);
  const act = async () => new Float32Array(20);
  await expect(nextGeneration(beginEvolution(SETTINGS, WEIGHTS), env, act)).rejects.toMatchObject({
    code: "option_evolution",
  });
});
