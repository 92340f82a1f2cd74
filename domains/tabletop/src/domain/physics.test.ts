import { expect, test } from "vitest";
import { type Look, laws } from "./physics.js";

const OPEN = 0.08;
const SHUT = 0.05;
type Point = readonly [number, number, number];

const AT: readonly Point[] = [
  [0.3, 0, 0.025],
  [0.4, 0.1, 0.025],
  [0.4, -0.1, 0.025],
];

// A moment: where the tip is, how open the fingers are, where the red cube is.
function look(tip: Point, opening: number, red: Point = AT[0] as Point, counts = [1, 1, 1]): Look {
  const [x, y, z] = tip;
  const cubes = Float64Array.from([red, ...AT.slice(1)].flatMap((at) => [...at, 1, 0, 0, 0]));
  const layout = { bin: [0.4, 0.2], button: [0.4, -0.2], goal: [0.3, -0.1] } as const;
  const measured = {
    tip: { x, y, z, yaw: 0, opening },
    cubes,
    layout,
    scene: new Float32Array(),
    features: new Float32Array(),
  };
  return { measured, counts };
}

const HOME: Point = [0.3, 0.2, 0.2];

test("a still scene keeps every law that applies", () => {
  const found = laws(Array.from({ length: 5 }, () => look(HOME, OPEN)));
  expect(found.permanent).toEqual({ held: 15, of: 15 });
  expect(found.still).toEqual({ held: 12, of: 12 });
  expect([found.follows.of, found.falls.of, found.rests.of]).toEqual([0, 0, 0]);
});

test("a cube that is seen twice or not at all breaks permanence", () => {
  const found = laws([look(HOME, OPEN), look(HOME, OPEN, undefined, [2, 1, 0])]);
  expect(found.permanent).toEqual({ held: 4, of: 6 });
});

test("a cube on the table that jumps has teleported, one beside the hand may move", () => {
  expect(laws([look(HOME, OPEN), look(HOME, OPEN, [0.35, 0, 0.025])]).still).toEqual({ held: 2, of: 3 });
  const near: Point = [0.32, 0, 0.03];
  expect(laws([look(near, OPEN), look(near, OPEN, [0.35, 0, 0.025])]).still).toEqual({ held: 2, of: 2 });
});

test("a cube that jumps to the hand, or off the table, has teleported too", () => {
  expect(laws([look(HOME, OPEN), look(HOME, OPEN, HOME)]).still).toEqual({ held: 2, of: 3 });
  expect(laws([look(HOME, OPEN), look(HOME, OPEN, undefined, [0, 1, 1])]).still).toEqual({ held: 2, of: 2 }); // gone, not moved
});

test("a carried cube follows or is lost", () => {
  const way: readonly Point[] = [
    [0.3, 0, 0.15],
    [0.33, 0, 0.15],
    [0.36, 0, 0.15],
  ];
  const carried = (red: readonly Point[]) => laws(way.map((tip, t) => look(tip, SHUT, red[t]))).follows;
  const off = (x: number): Point => [x, 0, 0.15];
  expect(carried(way)).toEqual({ held: 1, of: 1 });
  expect(carried([off(0.3), off(0.32), off(0.34)])).toEqual({ held: 1, of: 1 }); // 2 cm: the probe errs
  expect(carried([off(0.3), off(0.3), off(0.3)])).toEqual({ held: 0, of: 1 }); // left behind
  expect(carried([off(0.3), off(0.33), [0.36, 0, 0.025]])).toEqual({ held: 0, of: 1 }); // lost on the way
  const slow = way.map(([x, y, z]): Point => [0.3 + (x - 0.3) / 2, y, z]);
  expect(laws(slow.map((tip) => look(tip, SHUT, tip))).follows.of).toBe(0); // too short a way to tell
});

test("a cube that was let go falls, or hangs in the air", () => {
  const high: Point = [0.3, 0, 0.15];
  const dropped = (end: Point) =>
    laws([look(high, SHUT, high), look(high, OPEN, high), look(high, OPEN, end), look(high, OPEN, end)]).falls;
  expect(dropped([0.3, 0, 0.025])).toEqual({ held: 1, of: 1 });
  expect(dropped([0.4, 0.1, 0.075])).toEqual({ held: 1, of: 1 }); // onto the green cube
  expect(dropped(high)).toEqual({ held: 0, of: 1 });
});

test("a stack rests or falls apart", () => {
  const stacked: Point = [0.4, 0.1, 0.075];
  const after = (end: Point) =>
    laws([0, 1, 2, 3].map((t) => look([0.3, -0.2, 0.2], OPEN, t < 3 ? stacked : end))).rests;
  expect(after(stacked)).toEqual({ held: 1, of: 1 });
  expect(after([0.45, 0.1, 0.025])).toEqual({ held: 0, of: 1 });
  expect(after([0.3, -0.2, 0.15])).toEqual({ held: 0, of: 1 }); // into the hand
});
