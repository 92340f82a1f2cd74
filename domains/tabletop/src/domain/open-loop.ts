// What is measured of an open-loop rollout of the tabletop: where the arm is, how open the hand, where what it touched.

import { distance, openLoop, type Rollout, SWAP_TICK } from "@worldstep/judge/kit";
import { byteTensor } from "@worldstep/protocols";
import type { Measured } from "../probe.js";
import type { Episode } from "../simulator/episode.js";
import { STRIDE } from "../simulator/kinematics.js";
import type { TabletopBench } from "./bench.js";

const CM = 100;

/** Curves are by tick, from 1 on. Distances in cm. */
export interface Handled {
  /** The real frames through the tokenizer, and the tip measured in them: no dream can be measured better. */
  readonly tipDecoded?: number;
  /** From where the probe sees the tip in the dream to where it really was; and the same of the real frames. */
  readonly tip: readonly number[];
  readonly tipReal: readonly number[];
  readonly opening: readonly number[];
  readonly openingReal: readonly number[];
  /** At `SWAP_TICK` under another episode's actions. */
  readonly tipSwapped: number;
  readonly tipSwappedReal: number;
  /** Ten ticks after the first contact: how far the cube that was touched is off; absent without a contact. */
  readonly object?: number;
  readonly objectReal?: number;
  /** How far off the tip is that the world itself sees in the first frame, where it is not told; absent where it takes no frames. */
  readonly reading?: number;
}

export const armOpenLoop = openLoop(
  async (bench: TabletopBench, rollout: Rollout<Measured, Episode>): Promise<Handled> => {
    const { seed, episode, dreamed, real, swapped, swappedReal, decoded } = rollout;
    const tipAt = (found: Measured, t: number) => distance(positionOf(found), poseAt(episode, t)) * CM;
    const openingAt = ({ tip }: Measured, t: number) => Math.abs(tip.opening - (poseAt(episode, t)[4] as number)) * CM;
    return {
      ...(decoded && { tipDecoded: tipAt(decoded, SWAP_TICK) }),
      tip: dreamed.map((found, t) => tipAt(found, t + 1)),
      tipReal: real.map((found, t) => tipAt(found, t + 1)),
      opening: dreamed.map((found, t) => openingAt(found, t + 1)),
      openingReal: real.map((found, t) => openingAt(found, t + 1)),
      tipSwapped: tipAt(swapped, SWAP_TICK),
      tipSwappedReal: tipAt(swappedReal, SWAP_TICK),
      ...afterContact(episode, dreamed, real),
      ...(await ownState(bench, episode, seed)),
    };
  },
);

async function ownState({ env, size }: TabletopBench, episode: Episode, seed: number) {
  if (!env.spec.acceptsFrames) return {};
  const frames = byteTensor(episode.frames.slice(0, size * size * 3), [1, size, size, 3]);
  const { observation } = await env.reset({ seed, frames });
  const seen = observation.proprioception.data.subarray(0, 3);
  return { reading: distance(seen, episode.proprioception.subarray(0, 3)) * CM };
}

/** How far a cube has to move for a contact, m; and how many ticks later it is looked at. */
const CONTACT = 0.01;
const LATER = 10;

function afterContact(episode: Episode, dreamed: readonly Measured[], real: readonly Measured[]) {
  for (let t = 1; t + LATER <= dreamed.length; t++) {
    const cube = [0, 1, 2].find((c) => distance(cubeAt(episode, t, c), cubeAt(episode, 0, c)) > CONTACT);
    if (cube === undefined) continue;
    const off = (found: Measured | undefined) =>
      distance(seen(found as Measured, cube), cubeAt(episode, t + LATER, cube)) * CM;
    return { object: off(dreamed[t + LATER - 1]), objectReal: off(real[t + LATER - 1]) };
  }
  return {};
}

function poseAt({ proprioception }: Episode, tick: number): Float32Array {
  return proprioception.subarray(5 * STRIDE * tick, 5 * STRIDE * tick + 5);
}

function positionOf({ tip }: Measured): number[] {
  return [tip.x, tip.y, tip.z];
}

function cubeAt({ objects }: Episode, tick: number, cube: number): Float32Array {
  const at = 7 * (3 * STRIDE * tick + cube);
  return objects.subarray(at, at + 3);
}

function seen({ cubes }: Measured, cube: number): Float64Array {
  return cubes.subarray(7 * cube, 7 * cube + 3);
}
