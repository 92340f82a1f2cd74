// Small policies whose weights come from evolution: features of the observation in, one row of actions out.
import type { Observation } from "@worldstep/protocols";
import { newestFrame, type Policy } from "@worldstep/sdk";
import type { Eyes } from "../probe.js";
import type { ScoredTask } from "../simulator/tasks.js";
import { featuresOf } from "./features.js";

const ROWS = 4;
const ACTIONS = 5;

/** The action block `[4, 5]`, flat, for features `[F]` and weights `[5 F]`: tanh of a linear map, the same in all rows. */
export function blockOf(weights: ArrayLike<number>, features: Float32Array): Float32Array {
  const block = new Float32Array(ROWS * ACTIONS);
  for (let a = 0; a < ACTIONS; a++) {
    const sum = features.reduce((total, x, f) => total + x * (weights[a * features.length + f] as number), 0);
    for (let row = 0; row < ROWS; row++) block[row * ACTIONS + a] = Math.tanh(sum);
  }
  return block;
}

/** How many weights a policy for `task` has. */
export function weightCount(task: ScoredTask): number {
  const nothing = { cubes: new Float64Array(21), layout: { bin: [0, 0], button: [0, 0], goal: [0, 0] } } as const;
  return ACTIONS * featuresOf(task, nothing, new Float32Array(ACTIONS)).length;
}

/** What a policy for `task` with `weights` does, looking through `probe`. */
export async function actEvolved(
  probe: Eyes,
  task: ScoredTask,
  weights: ArrayLike<number>,
  observation: Observation,
): Promise<Float32Array> {
  const measured = await probe.measure(newestFrame(observation));
  return blockOf(weights, featuresOf(task, measured, observation.proprioception.data));
}

/** The policy with `weights` `[weightCount(task)]`. Closing it leaves the probe open. */
export function evolvedPolicy(probe: Eyes, task: ScoredTask, weights: ArrayLike<number>): Policy {
  return {
    reset: async () => {},
    act: (observation) => actEvolved(probe, task, weights, observation),
    close: async () => {},
  };
}
