// Simple motions of the arm, as action blocks, for experiments that must know exactly what they ask for.
import type { Observation } from "@worldstep/protocols";
import { ACTION_SCALE, POSE_KEYS as KEYS, type Pose } from "../simulator/kinematics.js";

const ROWS = 4;

/** One row of actions, held for a tick: `[4, 5]`, flat. What is absent stays as it is. */
export function held(row: Partial<Pose>): Float32Array {
  return Float32Array.from({ length: ROWS * KEYS.length }, (_, i) => row[KEYS[i % KEYS.length] as keyof Pose] ?? 0);
}

/** Of the way that is left, so much in a tick: an arm that answers late must not swing about its target. */
const GAIN = 0.5;

/** The block that goes from where the arm says it is towards `target`. */
export function towards(observation: Observation, target: Partial<Pose>): Float32Array {
  const tip = observation.proprioception.data;
  const row = KEYS.map((key, i) => {
    const wanted = target[key];
    if (wanted === undefined) return [key, 0];
    const rate = (GAIN * (wanted - (tip[i] as number))) / (ROWS * ACTION_SCALE[key]);
    return [key, Math.min(1, Math.max(-1, rate))];
  });
  return held(Object.fromEntries(row));
}

/** The block that takes back `block`: its rows, negated, last first. */
export function inverse(block: Float32Array): Float32Array {
  return block.map(
    (_, i) => -(block[(ROWS - 1 - Math.floor(i / KEYS.length)) * KEYS.length + (i % KEYS.length)] as number),
  );
}

/** Above the middle of the table, clear of everything on it; the fingers as they are. */
export const MIDDLE: Partial<Pose> = { x: 0.37, y: 0, z: 0.17 };
