// The hand hides a cube from the camera for a while, then goes.
import { distance, type Hiding } from "@worldstep/judge/kit";
import { newestFrame } from "@worldstep/sdk";
import type { Measured } from "../probe.js";
import type { TabletopBench } from "./bench.js";
import { countCubes } from "./cubes.js";
import { held, towards } from "./moves.js";

const APPROACH = 12;
const AWAY = 12;
/** From a cube towards the table camera, where the hand hides it; the fingers just above the table. */
const TOWARDS_CAMERA = { x: 0.11, y: -0.046, z: 0 } as const;
const CM = 100;

export const hiding: Hiding<TabletopBench> = {
  things: 3,
  ticks: 2 * APPROACH + AWAY,
  hide: async (bench, env, start, cube, seconds) => {
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
  },
};

function at({ cubes }: Measured, cube: number): Float64Array {
  return cubes.subarray(7 * cube, 7 * cube + 3);
}
