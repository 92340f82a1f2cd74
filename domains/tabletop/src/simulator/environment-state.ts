// The scene in numbers, beside the robot's own: what a data set tells a world of its objects (LeRobot's
// `observation.environment_state`).
import type { Layout, Place } from "./layout.js";
import { CUBES } from "./scene-xml.js";
import type { Scene } from "./script.js";

const AXES = ["x", "y", "z"] as const;
const PLACES = ["bin", "button", "goal"] as const;

/** Names, with units, of the numbers of `environmentState`. */
export const ENVIRONMENT_STATE: readonly string[] = [
  ...CUBES.flatMap((cube) => AXES.map((axis) => `${cube} ${axis} (m)`)),
  ...CUBES.flatMap((cube) => [`${cube} cos 4 yaw`, `${cube} sin 4 yaw`]),
  ...PLACES.flatMap((place) => [`${place} x (m)`, `${place} y (m)`]),
];

/**
 * Where the cubes are, how they are turned, and where bin, button and goal are, `[21]` in the order of `ENVIRONMENT_STATE`.
 * cubes: position and quaternion (w x y z) of each, 7 numbers. A cube looks the same after a quarter turn, so of its yaw
 * there are the cosine and sine of four times.
 */
export function environmentState(
  cubes: Float32Array | Float64Array,
  layout: Pick<Layout, (typeof PLACES)[number]>,
): number[] {
  const poses = CUBES.map((_, i) => [...cubes.subarray(7 * i, 7 * i + 7)]);
  return [
    ...poses.flatMap((pose) => pose.slice(0, 3)),
    ...poses.flatMap((pose) => {
      const turns = 4 * faceYaw(pose.slice(3) as [number, number, number, number]);
      return [Math.cos(turns), Math.sin(turns)];
    }),
    ...PLACES.flatMap((place) => layout[place]),
  ];
}

/** The scene that `values`, `[21]` in the order of `ENVIRONMENT_STATE`, tell of. Of the ways in which a cube may be turned, the one nearest to none. */
export function sceneOf(values: ArrayLike<number>): Pick<Scene, "cubes" | "layout"> {
  const at = (i: number): number => values[i] as number;
  const turns = AXES.length * CUBES.length;
  const places = turns + 2 * CUBES.length;
  const cubes = CUBES.flatMap((_, i) => {
    const yaw = Math.atan2(at(turns + 2 * i + 1), at(turns + 2 * i)) / 4;
    return [...AXES.map((_, axis) => at(AXES.length * i + axis)), Math.cos(yaw / 2), 0, 0, Math.sin(yaw / 2)];
  });
  const [bin, button, goal] = PLACES.map((_, i): Place => [at(places + 2 * i), at(places + 2 * i + 1)]) as [
    Place,
    Place,
    Place,
  ];
  return { cubes: Float64Array.from(cubes), layout: { bin, button, goal } };
}

// The yaw of that horizontal axis of a cube that lies flattest: a cube may lie on any side.
function faceYaw([w, x, y, z]: readonly [number, number, number, number]): number {
  const along = [1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)] as const;
  const across = [2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)] as const;
  const [cos, sin] = Math.abs(along[2]) < Math.abs(across[2]) ? along : across;
  return Math.atan2(sin, cos);
}
