// What a reset draws from the seed: where everything starts (the layout), and the looks and physics of this episode (the
// domain). Plain data; physics.ts puts it into MuJoCo, view.ts draws it.

import { Random } from "@worldstep/sdk";
import { clamp, type Pose, poseInWorkspace, WORKSPACE } from "./kinematics.js";
import { BIN, BUTTON, CUBE_HALF, CUBES, GOAL_RADIUS } from "./scene-xml.js";

export type Place = readonly [x: number, y: number];
/** Position (m) and rotation about the vertical (rad) of a cube at the start. */
export interface CubeStart {
  readonly position: readonly [number, number, number];
  readonly yaw: number;
}

export interface Layout {
  readonly bin: Place;
  readonly button: Place;
  readonly goal: Place;
  /** Red, green, blue. */
  readonly cubes: readonly CubeStart[];
  readonly tip: Pose;
}

/** Factors and offsets around the nominal looks and physics: all 1 or 0 at `scale` 0. */
export interface Domain {
  /** Added to the camera's position, m. */
  readonly camera: readonly [number, number, number];
  /** Added to the light's direction before it is normalised. */
  readonly light: readonly [number, number, number];
  readonly brightness: number;
  /** Factors on linear RGB: one each for the cubes, the table and the arm. */
  readonly tints: {
    readonly cubes: readonly (readonly number[])[];
    readonly table: readonly number[];
    readonly arm: readonly number[];
  };
  readonly friction: number;
  readonly cubeMass: number;
}

/** The domain of `seed`; `scale` in [0, 1] shrinks every deviation. */
export function drawDomain(seed: number, scale: number): Domain {
  const random = new Random(seed, "domain");
  const around = (width: number): number => scale * random.uniform(-width, width);
  const vector = (width: number): [number, number, number] => [around(width), around(width), around(width)];
  const tint = (): number[] => vector(0.08).map((value) => 1 + value);
  return {
    camera: vector(0.006),
    light: vector(0.15),
    brightness: 1 + around(0.1),
    tints: { cubes: CUBES.map(tint), table: tint(), arm: tint() },
    friction: 1 + around(0.2),
    cubeMass: 1 + around(0.2),
  };
}

/**
 * The start of `seed`. With `varied`, 15 % of starts have a cube on another cube, in the bin or in the grasp, which
 * random play reaches rarely. `missing` is the chance of each cube not to be there.
 */
export function drawLayout(seed: number, varied: boolean, missing = 0): Layout {
  const layout = drawPlaces(seed, varied);
  const random = new Random(seed, "missing");
  return { ...layout, cubes: layout.cubes.map((cube, i) => (random.chance(missing) ? outOfSight(i) : cube)) };
}

function outOfSight(cube: number): CubeStart {
  return { position: [-1, 0.2 * cube, CUBE_HALF], yaw: 0 };
}

function drawPlaces(seed: number, varied: boolean): Layout {
  const random = new Random(seed, "layout");
  const side = random.chance(0.5) ? 1 : -1;
  const bin: Place = [0.4 + random.uniform(-0.02, 0.02), side * (0.17 + random.uniform(-0.02, 0.02))];
  const button: Place = [0.43 + random.uniform(-0.03, 0.03), -side * (0.17 + random.uniform(-0.03, 0.03))];
  const goal: Place = [0.3 + random.uniform(-0.02, 0.02), -side * random.uniform(0.02, 0.14)];
  const cubes = drawCubes(random, bin, button, goal);
  const tip = poseInWorkspace((key) => {
    const [low, high] = WORKSPACE[key];
    return random.uniform(key === "z" ? 0.1 : low, high);
  });
  const layout = { bin, button, goal, cubes, tip };
  return varied && random.chance(0.15) ? vary(random, layout) : layout;
}

function drawCubes(random: Random, bin: Place, button: Place, goal: Place): CubeStart[] {
  const cubes: CubeStart[] = [];
  while (cubes.length < CUBES.length) {
    const place: Place = [random.uniform(0.26, 0.47), random.uniform(-0.21, 0.21)];
    const yaw = random.uniform(-Math.PI / 4, Math.PI / 4);
    const free =
      Math.max(Math.abs(place[0] - bin[0]), Math.abs(place[1] - bin[1])) > BIN.half + 0.055 &&
      distance(place, button) > BUTTON.radius + 0.055 &&
      distance(place, goal) > GOAL_RADIUS + 0.03 &&
      cubes.every(({ position: [x, y] }) => distance(place, [x, y]) > 0.085);
    if (free) cubes.push({ position: [...place, CUBE_HALF], yaw });
  }
  return cubes;
}

function vary(random: Random, layout: Layout): Layout {
  const moved = random.index(CUBES.length);
  const onto = (moved + 1 + random.index(2)) % CUBES.length;
  const way = random.index(3);
  const jitter = (): number => random.uniform(-0.008, 0.008);
  const handAbove = random.chance(0.5);
  const { tip } = layout;
  const start = (): CubeStart => {
    if (way === 0) {
      const [x, y] = (layout.cubes[onto] as CubeStart).position;
      return { position: [x + jitter(), y + jitter(), 3 * CUBE_HALF], yaw: random.uniform(-0.7, 0.7) };
    }
    if (way === 1) {
      const [x, y] = layout.bin;
      return { position: [x + 2 * jitter(), y + 2 * jitter(), CUBE_HALF + BIN.floor], yaw: random.uniform(-0.7, 0.7) };
    }
    return { position: [tip.x, tip.y, tip.z + 0.003], yaw: tip.yaw };
  };
  const cubes = layout.cubes.map((cube, i) => (i === moved ? start() : cube));
  // The settling command closes on a grasped cube. Half of the other starts have the hand above the moved cube, high
  // enough to be clear of a stack.
  if (way === 2) return { ...layout, cubes, tip: { ...tip, opening: 2 * CUBE_HALF } };
  const z = Math.max(tip.z, 0.14);
  if (!handAbove) return { ...layout, cubes, tip: { ...tip, z } };
  const [x, y] = (cubes[moved] as CubeStart).position;
  return { ...layout, cubes, tip: { ...tip, x: clamp(x, ...WORKSPACE.x), y: clamp(y, ...WORKSPACE.y), z } };
}

function distance(a: Place, b: Place): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}
