// What the page knows of the worlds that ship beyond what a spec says: goals in words, where the camera looks from, so that
// "left" on the keyboard is left in the picture, and what a pointer on the picture means. Any other world does without.
import type { EnvSpec } from "@worldstep/sdk";
import { nameOf } from "./labels.js";

/** How far to push or move, by the name of a channel. */
export type Moves = Readonly<Record<string, number>>;

export interface Known {
  /** What each task asks for. */
  readonly goals: Readonly<Record<string, string>>;
  /** Whether the scripted policies know the world. */
  readonly hasExpert: boolean;
  /** How it is steered, beside the buttons that the page shows. */
  readonly steering: string;
  /** What a held key pushes, in [-1, 1]. Without it each channel gets two keys. */
  readonly keys?: Readonly<Record<string, Moves>>;
  /** What a drag over the picture asks for, in the channels' units; right and down in pictures. */
  drag?(right: number, down: number): Moves;
  /** What a wheel, turned down by so many pixels, asks for. */
  wheel?(pixels: number): Moves;
  /** Where a pointer at (`x`, `y`), each in [0, 1] from the upper left, wants the robot to be. */
  point?(x: number, y: number): Moves;
}

const UNKNOWN: Known = {
  goals: {},
  hasExpert: false,
  steering: "Each channel has a slider, and the first ones two keys. Shift is slow; Space turns a gripper.",
};

export function knownOf(spec: EnvSpec): Known {
  const channels = String(spec.action.map(({ name }) => name));
  const readings = String(spec.proprioception.map(nameOf));
  if (channels === "dx,dy,dz,yaw,gripper" && readings === "x,y,z,yaw,opening") return TABLETOP;
  if (channels === "to x,to y" && readings === "x,y") return PUSH_T;
  return UNKNOWN;
}

/** What `task` asks for, in words; a task that the page doesn't know says it itself. */
export function goalOf(spec: EnvSpec, task: string): string {
  return knownOf(spec).goals[task] ?? task;
}

// Directions in the picture as unit vectors of the table's (x, y), and how many metres of table it shows.
const RIGHT = [0.394, 0.919] as const;
const NEARER = [0.919, -0.394] as const;
const ACROSS_METRES = 0.63;
const ALONG_METRES = 1.03;
const WHEEL_METRES = 0.0002; // a pixel of scrolling

function overTable(right: number, nearer: number): Moves {
  return { dx: right * RIGHT[0] + nearer * NEARER[0], dy: right * RIGHT[1] + nearer * NEARER[1] };
}

const TABLETOP: Known = {
  goals: {
    play: "Free play: no goal",
    reach: "Touch the yellow button",
    push: "Push the red cube onto the purple spot",
    "pick-place": "Put the red cube into the bin",
    stack: "Stack the red cube on the blue one",
  },
  hasExpert: true,
  steering: "Or the arrow keys, R and F; Shift is slow. Drag on a picture to move, scroll on it to lift.",
  keys: {
    w: overTable(0, -1),
    arrowup: overTable(0, -1),
    s: overTable(0, 1),
    arrowdown: overTable(0, 1),
    a: overTable(-1, 0),
    arrowleft: overTable(-1, 0),
    d: overTable(1, 0),
    arrowright: overTable(1, 0),
    e: { dz: 1 },
    r: { dz: 1 },
    q: { dz: -1 },
    f: { dz: -1 },
    z: { yaw: 1 },
    x: { yaw: -1 },
  },
  drag: (right, down) => overTable(right * ACROSS_METRES, down * ALONG_METRES),
  wheel: (pixels) => ({ dz: -pixels * WHEEL_METRES }),
};

const TABLE_PX = 512; // what the picture shows of Push-T's table, and what its channels count in

const PUSH_T: Known = {
  goals: { play: "Free play: no goal", task: "Push the grey T onto the green one" },
  hasExpert: false,
  steering: "Or the arrow keys; Shift is slow. Press and drag on a picture: the robot goes there.",
  keys: {
    w: { "to y": -1 },
    arrowup: { "to y": -1 },
    s: { "to y": 1 },
    arrowdown: { "to y": 1 },
    a: { "to x": -1 },
    arrowleft: { "to x": -1 },
    d: { "to x": 1 },
    arrowright: { "to x": 1 },
  },
  point: (x, y) => ({ "to x": x * TABLE_PX, "to y": y * TABLE_PX }),
};
