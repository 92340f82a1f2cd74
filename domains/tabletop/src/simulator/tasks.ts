// The tasks: distance, reward and success of each, as functions of one state. All are computed at every control step,
// whatever task a session plays.
import type { Pose } from "./kinematics.js";
import type { Layout } from "./layout.js";
import { BIN, BUTTON, CUBE_HALF, GOAL_RADIUS } from "./scene-xml.js";

/** Tasks with a reward, in the order of every array by task. */
export const SCORED_TASKS = ["reach", "push", "pick-place", "stack"] as const;
export type ScoredTask = (typeof SCORED_TASKS)[number];
/** Tasks that `reset({ task })` takes: `play` has no reward and no end. */
export const TASKS = ["play", ...SCORED_TASKS] as const;
export type Task = (typeof TASKS)[number];

/** The part of the state that tasks look at. */
export interface TaskState {
  readonly tip: Pose;
  /** Position (m) and quaternion (w x y z) of the red, green and blue cube: 7 numbers each. */
  readonly cubes: Float64Array;
  readonly layout: Pick<Layout, "bin" | "button" | "goal">;
}

export interface TaskScore {
  /** How far the task is from done, m. */
  readonly distance: number;
  readonly success: boolean;
}

type Point = readonly [number, number, number];

/** Scores of `SCORED_TASKS`, in that order. */
export function scoreTasks({ tip, cubes, layout }: TaskState): TaskScore[] {
  const hand: Point = [tip.x, tip.y, tip.z];
  const red = cubeAt(cubes, 0);
  const blue = cubeAt(cubes, 2);
  const goal: Point = [...layout.goal, CUBE_HALF];
  const inBin: Point = [...layout.bin, BIN.floor + CUBE_HALF];
  const onBlue: Point = [blue[0], blue[1], blue[2] + 2 * CUBE_HALF];
  const toButton = gap(hand, [...layout.button, BUTTON.top]);
  const toRed = gap(hand, red);
  const moved = (target: Point): number => (toRed + gap(red, target)) / 2;
  // Released: the fingers are open wider than a cube, or are elsewhere.
  const released = tip.opening > 2 * CUBE_HALF + 0.008 || toRed > 0.06;
  const offBin = Math.max(Math.abs(red[0] - inBin[0]), Math.abs(red[1] - inBin[1]));
  return [
    { distance: toButton, success: toButton < 0.03 },
    { distance: moved(goal), success: Math.hypot(red[0] - goal[0], red[1] - goal[1]) < GOAL_RADIUS && red[2] < 0.035 },
    { distance: moved(inBin), success: released && offBin < BIN.half && red[2] < BIN.height + 0.005 },
    {
      distance: moved(onBlue),
      success:
        released && Math.hypot(red[0] - blue[0], red[1] - blue[1]) < 0.02 && Math.abs(red[2] - onBlue[2]) < 0.006,
    },
  ];
}

/** Reward of one control step: in [-1/4, 0), nearer is better, plus 1 in the step in which success comes first. */
export function rewardOf({ distance, success }: TaskScore, succeededBefore: boolean): number {
  return -Math.tanh(5 * distance) / 4 + (success && !succeededBefore ? 1 : 0);
}

/** Centre of cube `index` in an array of poses. */
export function cubeAt(cubes: Float64Array, index: number): Point {
  return [cubes[7 * index] as number, cubes[7 * index + 1] as number, cubes[7 * index + 2] as number];
}

function gap(a: Point, b: Point): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}
