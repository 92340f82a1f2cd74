// Who plays when nobody steers: the scripted expert where one knows the world, else a wander through the action space.
import type { EnvSpec } from "@worldstep/sdk";
import {
  believing,
  ENVIRONMENT_STATE,
  POSE_KEYS,
  type Pose,
  playPolicy,
  SCORED_TASKS,
  type ScoredTask,
  sceneOf,
  taskPolicy,
} from "@worldstep/tabletop/scripts";
import { knownOf } from "./known.js";
import { nameOf } from "./labels.js";
import { firstRow, stillRow } from "./row.js";
import type { Seen } from "./seen.js";

export interface Pilot {
  readonly isExpert: boolean;
  /** What an expert looked at, a row a tick; nothing of who wanders. */
  readonly looked: readonly Float32Array[];
  /** The next action block, shape `[stride, A]`, flat, from what the world showed last. */
  act(seen: Seen): Float32Array;
}

/** Numbers that an expert looks at in a tick. */
export const LOOKS = POSE_KEYS.length + ENVIRONMENT_STATE.length;

/**
 * An expert at `task` of the world, beginning where `seen` is, or who wanders where none is known. An expert that has
 * `looked` at so much already goes on with the plan that it made of it.
 */
export function pilotFor(
  spec: EnvSpec,
  task: string,
  seed: number,
  seen: Seen,
  looked: readonly Float32Array[] = [],
): Pilot {
  const scored = SCORED_TASKS.find((name) => name === task);
  return canPlay(spec, task, seen) ? expert(seed, scored, looked) : wanderer(spec, seen);
}

// A script must be told where things are, by a world that knows it.
function canPlay(spec: EnvSpec, task: string, { environmentState }: Seen): boolean {
  const isTask = task === spec.tasks[0] || SCORED_TASKS.some((name) => name === task);
  return (
    knownOf(spec).hasExpert && isTask && ENVIRONMENT_STATE.every((name) => toldOf(environmentState, name) !== undefined)
  );
}

// The plan is a generator's, which can't be saved: what it looked at can, and leads to the same plan again. In float32
// from the first, so that what was saved is what was looked at.
function expert(seed: number, task: ScoredTask | undefined, before: readonly Float32Array[]): Pilot {
  const script = believing(task === undefined ? playPolicy(seed) : taskPolicy(task, seed));
  const looked: Float32Array[] = [];
  const look = (row: Float32Array): Float32Array => {
    looked.push(row);
    const tip = Object.fromEntries(POSE_KEYS.map((key, i) => [key, row[i]])) as unknown as Pose;
    return script.act({ tip, ...sceneOf(row.subarray(POSE_KEYS.length)) });
  };
  for (const row of before) look(row);
  return {
    isExpert: true,
    looked,
    act: ({ observation, environmentState }) =>
      look(
        Float32Array.from([
          ...observation.proprioception.data.slice(0, POSE_KEYS.length),
          ...ENVIRONMENT_STATE.map((name) => toldOf(environmentState, name) as number),
        ]),
      ),
  };
}

function toldOf(state: Seen["environmentState"], name: string): number | undefined {
  return state?.[name] ?? state?.[nameOf(name)];
}

// A place is drawn for each channel every so many ticks, and gone to by so much of the way in a tick.
const PLACE_TICKS = 12;
const NEARER = 0.2;
// Of the way from what holds still to the bounds: a wander need not slam into them.
const REACH = 0.7;

function wanderer(spec: EnvSpec, { observation }: Seen): Pilot {
  const { low, high } = spec.actionSpace;
  let row = firstRow(spec, observation.proprioception.data);
  let place = row;
  let ticks = 0;
  return {
    isExpert: false,
    looked: [],
    act: () => {
      if (ticks-- === 0) {
        const middle = row.map(() => (low + high) / 2);
        place = stillRow(spec, middle).map((still) => still + REACH * (low + Math.random() * (high - low) - still));
        ticks = PLACE_TICKS;
      }
      const before = row;
      row = row.map((value, i) => value + NEARER * ((place[i] as number) - value));
      // Control step by control step, so that the way is smooth.
      return Float32Array.from(
        Array.from({ length: spec.stride }, (_, s) =>
          Array.from(row, (value, i) => {
            const from = before[i] as number;
            return Math.min(high, Math.max(low, from + ((s + 1) / spec.stride) * (value - from)));
          }),
        ).flat(),
      );
    },
  };
}
