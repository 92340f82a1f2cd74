// Recall: the hand hides a cube from the camera for a while, then goes. Is the scene as it was?

import type { Env, Observation } from "@worldstep/protocols";
import { heldOutSeed, newestFrame } from "@worldstep/sdk";
import type { Measured } from "@worldstep/tabletop";
import { type Bench, scaled } from "../bench.js";
import { type Beside, beside } from "../beside.js";
import { countCubes } from "../cubes.js";
import { held, towards } from "../moves.js";
import { distance, mean } from "../statistics.js";
import type { Study } from "../study.js";
import { begin } from "../subject.js";
import { WindowAlone } from "../window-alone.js";

/** Seconds for which a cube is hidden. */
export const HIDDEN_SECONDS = [2, 5, 10] as const;
const APPROACH = 12;
const AWAY = 12;
/** From a cube towards the table camera, where the hand hides it; the fingers just above the table. */
const TOWARDS_CAMERA = { x: 0.11, y: -0.046, z: 0 } as const;
/** Held-out episodes that are this study's own. */
const FIRST = 500_000;
const CM = 100;

/** One scene. */
export interface Recalled {
  readonly seconds: number;
  /** Share of the time in which the cube was nowhere to be seen. */
  readonly hidden: number;
  /** Where the probe sees each cube afterwards, against before: cm, the hidden one first. */
  readonly errors: readonly number[];
}

/** One scene, and where the world has a window, what is left of it in that alone. */
export interface RecalledBeside extends Beside<Recalled> {
  readonly windowAlone?: Recalled;
}

export const recalled: Study<RecalledBeside> = {
  count: async ({ settings }) => scaled(36, settings),
  ticks: () => 10 * (2 * APPROACH + AWAY + 30),
  run: async (bench, i) => {
    const seed = heldOutSeed(bench.settings.seed, FIRST + i);
    const seconds = HIDDEN_SECONDS[i % HIDDEN_SECONDS.length] as number;
    const cube = Math.floor(i / HIDDEN_SECONDS.length) % 3;
    const play = (env: Env, observation: Observation) => hide(bench, env, observation, cube, seconds);
    const both = await beside(bench, seed, "play", 0, play);
    const { window } = bench.subject;
    if (window === undefined) return both;
    const alone = new WindowAlone(bench.env, window);
    const { observation } = await bench.reality.reset({ seed, task: "play" });
    const start = await begin(alone, { seed, task: "play", maxTicks: 0, observation });
    return { ...both, windowAlone: await play(alone, start.observation) };
  },
};

async function hide(bench: Bench, env: Env, start: Observation, cube: number, seconds: number): Promise<Recalled> {
  const corner = { x: 0.26, y: start.proprioception.data[1] as number, z: 0.22 };
  let observation = start;
  const go = async (target: typeof corner, ticks: number) => {
    for (let t = 0; t < ticks; t++) ({ observation } = await env.step(towards(observation, target)));
  };
  await go(corner, APPROACH);
  const before = await bench.probe.measure(newestFrame(observation));
  const [x, y, z] = before.cubes.subarray(7 * cube) as unknown as [number, number, number];
  const spot = { x: x + TOWARDS_CAMERA.x, y: y + TOWARDS_CAMERA.y, z: z + TOWARDS_CAMERA.z };
  await go({ ...spot, z: corner.z }, APPROACH);
  await go(spot, APPROACH);
  const ticks = Math.round((seconds * bench.subject.spec.fps) / bench.subject.spec.stride);
  let unseen = 0;
  for (let t = 0; t < ticks; t++) {
    ({ observation } = await env.step(held({})));
    unseen += Number(countCubes(newestFrame(observation), bench.size)[cube] === 0);
  }
  await go({ ...spot, z: corner.z }, AWAY / 2);
  await go(corner, AWAY);
  const after = await bench.probe.measure(newestFrame(observation));
  const order = [cube, ...[0, 1, 2].filter((other) => other !== cube)];
  return { seconds, hidden: unseen / ticks, errors: order.map((c) => distance(at(before, c), at(after, c)) * CM) };
}

/** Mean error of the cubes that were never hidden, cm. */
export function visibleError({ errors: [, ...visible] }: Recalled): number {
  return mean(visible);
}

/** Error of the cube that was hidden, cm. */
export function hiddenError({ errors: [hidden = Number.NaN] }: Recalled): number {
  return hidden;
}

function at({ cubes }: Measured, cube: number): Float64Array {
  return cubes.subarray(7 * cube, 7 * cube + 3);
}
