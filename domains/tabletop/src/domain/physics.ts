// What must hold whatever the actions: events in what the probe reads, tick by tick. The probe errs, so a rate means
// something only beside the simulator's own, read in the same way.

import { distance, type Tally } from "@worldstep/judge/kit";
import type { Env, Observation } from "@worldstep/protocols";
import { newestFrame } from "@worldstep/sdk";
import type { Measured } from "../probe.js";
import type { TabletopBench } from "./bench.js";
import { countCubes } from "./cubes.js";

/** What one tick shows. */
export interface Look {
  readonly measured: Measured;
  /** How often each cube is seen. */
  readonly counts: readonly number[];
}

/** How often each law held, of how often it applied. */
export interface Laws {
  /** Each cube is seen once. */
  readonly permanent: Tally;
  /** A cube that lay on the table, far from where the hand was and is, is where it was a tick ago. */
  readonly still: Tally;
  /** A cube in the closed fingers has moved with them, two ticks later. */
  readonly follows: Tally;
  /** Two ticks after it was let go, a cube is on something. */
  readonly falls: Tally;
  /** A cube on another, the hand away, is still on it three ticks later. */
  readonly rests: Tally;
}

const CUBES = [0, 1, 2];
// Metres.
const TABLE = 0.045; // a cube's middle is below this on the table and in the bin
const OPEN = 0.066;
const SHUT = 0.062;
const AWAY = 0.1;
const STILL = 0.025;
const CARRIED = 0.05;
// How far aside of the cube below a cube is that surely stands on it, and one that surely does not.
const STACKED = 0.02;
const FALLEN = 0.04;

/** What `act` does to `env` for `ticks`, looked at after each and at the start. */
export async function watch(
  bench: TabletopBench,
  env: Env,
  start: Observation,
  ticks: number,
  act: (observation: Observation) => Promise<Float32Array>,
): Promise<Laws> {
  const looks = [await look(bench, start)];
  let observation = start;
  for (let t = 0; t < ticks; t++) {
    const step = await env.step(await act(observation));
    observation = step.observation;
    looks.push(await look(bench, observation));
    if (step.terminated || step.truncated) break;
  }
  return laws(looks);
}

async function look(bench: TabletopBench, observation: Observation): Promise<Look> {
  const frame = newestFrame(observation);
  return { measured: await bench.probe.measure(frame), counts: countCubes(frame, bench.size) };
}

/** The laws over a rollout's looks, in order. */
export function laws(looks: readonly Look[]): Laws {
  const at = (t: number): Look => looks[t] as Look;
  const times = looks.map((_, t) => t);
  const pairs = (last: number) => times.slice(0, -last).flatMap((t) => CUBES.map((cube) => ({ t, cube })));
  const tally = <C>(cases: readonly C[], applies: (c: C) => boolean, holds: (c: C) => boolean): Tally => {
    const all = cases.filter(applies);
    return { held: all.filter(holds).length, of: all.length };
  };
  return {
    permanent: tally(
      times.flatMap((t) => CUBES.map((cube) => at(t).counts[cube])),
      () => true,
      (count) => count === 1,
    ),
    still: tally(
      pairs(1),
      ({ t, cube }) => lies(at(t), cube) && at(t + 1).counts[cube] === 1 && isAway(at(t + 1), place(at(t), cube)),
      ({ t, cube }) => length(moved(at(t), at(t + 1), cube)) < STILL,
    ),
    follows: tally(
      pairs(2),
      ({ t, cube }) => {
        const shut = [1, 2].every((k) => opening(at(t + k)) < SHUT);
        return isHeld(at(t), cube) && shut && length(ledBy(at(t), at(t + 2))) > CARRIED;
      },
      ({ t, cube }) => {
        const way = ledBy(at(t), at(t + 2));
        return distance(moved(at(t), at(t + 2), cube), way) < length(way) / 2;
      },
    ),
    falls: tally(
      pairs(3),
      ({ t, cube }) => isHeld(at(t), cube) && opening(at(t + 1)) > OPEN && opening(at(t + 3)) > OPEN,
      ({ t, cube }) => isSupported(at(t + 3), cube),
    ),
    rests: tally(
      pairs(3),
      ({ t, cube }) =>
        under(at(t), cube) !== undefined && [0, 1, 2, 3].every((k) => isAway(at(t + k), place(at(t), cube))),
      ({ t, cube }) => isOn(at(t + 3), cube, under(at(t), cube) as number, FALLEN),
    ),
  };
}

function place({ measured }: Look, cube: number): Float64Array {
  return measured.cubes.subarray(7 * cube, 7 * cube + 3);
}

function height(look: Look, cube: number): number {
  return place(look, cube)[2] as number;
}

function tip({ measured }: Look): number[] {
  return [measured.tip.x, measured.tip.y, measured.tip.z];
}

function opening({ measured }: Look): number {
  return measured.tip.opening;
}

function gap(look: Look, cube: number): number {
  return distance(tip(look), place(look, cube));
}

// From one look to another: how the cube has moved, and how the tip has.
function moved(from: Look, to: Look, cube: number): number[] {
  return difference(place(to, cube), place(from, cube));
}

function ledBy(from: Look, to: Look): number[] {
  return difference(tip(to), tip(from));
}

function difference(a: ArrayLike<number>, b: ArrayLike<number>): number[] {
  return Array.from(a, (value, i) => value - (b[i] as number));
}

function length(vector: readonly number[]): number {
  return Math.hypot(...vector);
}

function isAway(look: Look, spot: Float64Array): boolean {
  return distance(tip(look), spot) > AWAY;
}

function lies(look: Look, cube: number): boolean {
  return height(look, cube) < TABLE && isAway(look, place(look, cube)) && look.counts[cube] === 1;
}

function isHeld(look: Look, cube: number): boolean {
  return height(look, cube) > 0.05 && gap(look, cube) < 0.03 && opening(look) > 0.035 && opening(look) < SHUT;
}

function isSupported(look: Look, cube: number): boolean {
  return height(look, cube) < TABLE || CUBES.some((other) => other !== cube && isOn(look, cube, other, FALLEN));
}

function under(look: Look, cube: number): number | undefined {
  return CUBES.find((other) => other !== cube && isOn(look, cube, other, STACKED));
}

// Whether `cube` is one cube above `other`, and not further aside than `aside`.
function isOn(look: Look, cube: number, other: number, aside: number): boolean {
  const [a, b] = [place(look, cube), place(look, other)];
  const rise = (a[2] as number) - (b[2] as number);
  return distance(a.subarray(0, 2), b.subarray(0, 2)) < aside && rise > 0.035 && rise < 0.065;
}
