// Things are handled: picked, carried, put down, stacked, pushed by scripts that see through the probe. And left alone:
// stacks that stand at the start, while the arm is busy elsewhere.

import type { Study } from "@worldstep/judge/kit";
import { type Beside, beside, scaled } from "@worldstep/judge/kit";
import { heldOutSeed, type Policy } from "@worldstep/sdk";
import { scriptedPolicy } from "../../policies/scripted.js";
import { taskPolicy } from "../../simulator/policies.js";
import type { TabletopBench } from "../bench.js";
import { type Laws, watch } from "../physics.js";

const TICKS = 28;
const WORK = [
  { task: "pick-place", skill: {} },
  { task: "pick-place", skill: { drop: 0.08 } },
  { task: "stack", skill: {} },
  { task: "push", skill: {} },
] as const;
/** Held-out episodes that are these studies' own. */
const FIRST = 200_000;
const FIRST_STACK = 300_000;
/** Seeds that may be looked through for a start with a stack: about one in twenty has one. */
const CANDIDATES = 1000;
const CUBE = 0.05;

export const handling: Study<Beside<Laws>, TabletopBench> = {
  count: async ({ settings }) => scaled(64, settings),
  ticks: () => 2 * TICKS,
  run: async (bench, i) => {
    const { task, skill } = WORK[i % WORK.length] as (typeof WORK)[number];
    const policy = scriptedPolicy(bench.probe, (seed) => taskPolicy(task, seed, skill));
    return observed(bench, heldOutSeed(bench.settings.seed, FIRST + i), policy);
  },
};

export const resting: Study<Beside<Laws>, TabletopBench> = {
  count: async ({ settings }) => scaled(24, settings),
  ticks: () => 2 * TICKS,
  run: async (bench, i) => {
    const policy = scriptedPolicy(bench.probe, (seed) => taskPolicy("reach", seed));
    return observed(bench, await stackedSeed(bench, FIRST_STACK + i * CANDIDATES), policy);
  },
};

function observed(bench: TabletopBench, seed: number, policy: Policy): Promise<Beside<Laws>> {
  return beside(bench, seed, undefined, 0, async (env, observation) => {
    await policy.reset(seed);
    return watch(bench, env, observation, TICKS, (shown) => policy.act(shown));
  });
}

// The first of the seeds from `first` on in whose start a cube stands on another.
async function stackedSeed(bench: TabletopBench, first: number): Promise<number> {
  for (let i = first; i < first + CANDIDATES; i++) {
    const seed = heldOutSeed(bench.settings.seed, i);
    await bench.reality.reset({ seed, task: "play" });
    const heights = bench.reality.state().layout.cubes.map(({ position }) => position[2]);
    if (heights.includes(1.5 * CUBE)) return seed;
  }
  throw new Error(`none of ${CANDIDATES} starts has a stack`);
}
