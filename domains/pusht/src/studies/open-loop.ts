// What is measured of an open-loop rollout of Push-T: where the world says that the disc and the T are.
import { distance, openLoop } from "@worldstep/judge/kit";
import type { PushTBench } from "../bench.js";
import { cornersOff } from "../episode.js";
import { cornersIn, STRIDE } from "../reality.js";

/** By tick, from 1 on. Pixels of 512. */
export interface Pushed {
  /** How far the corners of the T are, on average, from where gym-pusht had them, by the world's own word. */
  readonly corners: readonly number[];
  /** How far gym-pusht had moved them since the beginning. */
  readonly moved: readonly number[];
  /** How far the disc is from where it was. */
  readonly agent: readonly number[];
}

export const pushtOpenLoop = openLoop(async (_: PushTBench, { episode, steps }): Promise<Pushed> => {
  const frame = (t: number) => STRIDE * (t + 1);
  const agentAt = (f: number) => episode.proprioception.subarray(2 * f, 2 * f + 2);
  const first = [...episode.corners.subarray(0, 16)];
  return {
    corners: steps.map(({ info }, t) => cornersOff(episode, frame(t), cornersIn(info))),
    moved: steps.map((_, t) => cornersOff(episode, frame(t), first)),
    agent: steps.map(({ observation }, t) => distance(observation.proprioception.data, agentAt(frame(t)))),
  };
});
