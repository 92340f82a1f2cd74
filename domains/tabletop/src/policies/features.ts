// What a small policy is told of the tabletop: where the things that its task is about are, from the hand and from one
// another. The fewer numbers, the sooner evolution finds what to make of them; none that another one holds already, such as
// the hand's height beside the vector from it to a thing on the table.

import type { Measured } from "../probe.js";
import type { ScoredTask } from "../simulator/tasks.js";

type Vector = readonly number[];
type Seen = Pick<Measured, "cubes" | "layout">;

/** Of the button, m. */
const BUTTON_HEIGHT = 0.032;
/** A feature of 1 is 5 cm: nearer than that, a small error must still move the hand. */
const PER_METRE = 20;

/** For each task the vectors that matter, m. */
const VECTORS: Readonly<Record<ScoredTask, (tip: Vector, seen: Seen) => readonly Vector[]>> = {
  reach: (tip, { layout }) => [between(tip, [...layout.button, BUTTON_HEIGHT])],
  push: (tip, { cubes, layout }) => {
    const red = cubeAt(cubes, 0);
    return [between(tip, red), between(red, layout.goal)];
  },
  "pick-place": (tip, { cubes, layout }) => {
    const red = cubeAt(cubes, 0);
    return [between(tip, red), between(red, layout.bin)];
  },
  stack: (tip, { cubes }) => {
    const red = cubeAt(cubes, 0);
    return [between(tip, red), between(red, cubeAt(cubes, 2))];
  },
};

/**
 * The features of `task`: the vectors that matter, where things are grasped the opening of the hand, all in 5 cm, and 1.
 * The tip is the proprioception's.
 */
export function featuresOf(task: ScoredTask, seen: Seen, proprioception: Float32Array): Float32Array {
  const [x, y, z, , opening] = proprioception as unknown as [number, number, number, number, number];
  const grasps = task === "pick-place" || task === "stack";
  const lengths = [...VECTORS[task]([x, y, z], seen).flat(), ...(grasps ? [opening] : [])];
  return Float32Array.from([...lengths.map((value) => PER_METRE * value), 1]);
}

/** From `origin` to `target`, in as many dimensions as `target` has. */
function between(origin: Vector, target: Vector): Vector {
  return target.map((value, i) => value - (origin[i] as number));
}

function cubeAt(cubes: Float64Array, index: number): Vector {
  return [...cubes.subarray(7 * index, 7 * index + 3)];
}
