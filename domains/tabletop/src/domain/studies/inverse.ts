// Actions, then their inverses: a world that obeys is back where it was (World Stability, arXiv 2503.08122, for robots).

import type { Study } from "@worldstep/judge/kit";
import { type Beside, beside, distance, scaled } from "@worldstep/judge/kit";
import type { Env, Observation } from "@worldstep/protocols";
import { heldOutSeed, newestFrame, Random } from "@worldstep/sdk";
import type { TabletopBench } from "../bench.js";
import { held, inverse, MIDDLE, towards } from "../moves.js";

/** Ticks to get to the middle of the workspace, where nothing is in the way; ticks out, and as many back. */
const APPROACH = 10;
const OUT = 5;
const REST = 2;
const SPEED = 0.3;
const CM = 100;
/** Held-out episodes that are this study's own. */
const FIRST = 100_000;

/** How far the tip is from where it set out, cm. */
export type Inverse = Beside<number>;

export const inverseActions: Study<Inverse, TabletopBench> = {
  count: async ({ settings }) => scaled(64, settings),
  ticks: () => 2 * (APPROACH + 2 * OUT + 2 * REST),
  run: async (bench, i) => {
    const seed = heldOutSeed(bench.settings.seed, FIRST + i);
    const random = new Random(seed, "inverse actions");
    const blocks = Array.from({ length: OUT }, () => {
      const angle = random.uniform(-Math.PI, Math.PI);
      return held({ x: SPEED * Math.cos(angle), y: SPEED * Math.sin(angle), z: random.uniform(-0.1, 0.1) });
    });
    const back = [...blocks].reverse().map(inverse);
    return beside(bench, seed, undefined, 0, (env, observation) =>
      thereAndBack(bench, env, observation, [...blocks, ...back]),
    );
  },
};

async function thereAndBack(bench: TabletopBench, env: Env, start: Observation, blocks: readonly Float32Array[]) {
  let observation = start;
  for (let t = 0; t < APPROACH; t++) ({ observation } = await env.step(towards(observation, MIDDLE)));
  for (let t = 0; t < REST; t++) ({ observation } = await env.step(held({})));
  const before = await bench.probe.measure(newestFrame(observation));
  for (const block of [...blocks, ...Array<Float32Array>(REST).fill(held({}))]) {
    ({ observation } = await env.step(block));
  }
  const after = await bench.probe.measure(newestFrame(observation));
  const at = ({ x, y, z }: { x: number; y: number; z: number }) => [x, y, z];
  return distance(at(before.tip), at(after.tip)) * CM;
}
