// Who plays when nobody steers: the scripted expert where one knows the world, else a wander through the action space.
import type { EnvSpec } from "@worldstep/sdk";
import {
  believing,
  ENVIRONMENT_STATE,
  type Pose,
  playPolicy,
  SCORED_TASKS,
  type ScoredTask,
  sceneOf,
  taskPolicy,
} from "@worldstep/simulator/scripts";
import type { Seen } from "./duel.js";
import { knownOf } from "./known.js";
import { nameOf } from "./labels.js";
import { firstRow, stillRow } from "./row.js";

export interface Pilot {
  readonly isExpert: boolean;
  /** The next action block, shape `[stride, A]`, flat, from what the world showed last. */
  act(seen: Seen): Float32Array;
}

/** An expert at `task` of the world, beginning where `seen` is, or who wanders where none is known. */
export function pilotFor(spec: EnvSpec, task: string, seed: number, seen: Seen): Pilot {
  const scored = SCORED_TASKS.find((name) => name === task);
  return canPlay(spec, task, seen) ? expert(seed, scored) : wanderer(spec, seen);
}

// A script must be told where things are, by a world that knows it.
function canPlay(spec: EnvSpec, task: string, { environmentState }: Seen): boolean {
  const isTask = task === spec.tasks[0] || SCORED_TASKS.some((name) => name === task);
  return (
    knownOf(spec).hasExpert && isTask && ENVIRONMENT_STATE.every((name) => toldOf(environmentState, name) !== undefined)
  );
}

function expert(seed: number, task: ScoredTask | undefined): Pilot {
  const script = believing(task === undefined ? playPolicy(seed) : taskPolicy(task, seed));
  return {
    isExpert: true,
    act: ({ observation, environmentState }) => {
      const [x, y, z, yaw, opening] = observation.proprioception.data as unknown as [
        number,
        number,
        number,
        number,
        number,
      ];
      const tip: Pose = { x, y, z, yaw, opening };
      return script.act({
        tip,
        ...sceneOf(ENVIRONMENT_STATE.map((name) => toldOf(environmentState, name) as number)),
      });
    },
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
