// Way-points of manipulation, shared by the task policies and by play: pick, place, push, press.
import { clamp, WORKSPACE } from "./kinematics.js";
import type { Place } from "./layout.js";
import { BIN, BUTTON, CUBE_HALF, CUBES } from "./scene-xml.js";
import type { Look, Scene, Script } from "./script.js";
import { cubeAt } from "./tasks.js";

const CLEAR = 0.13;
// The tip is held a little under the middle of a cube.
const GRASP_BELOW = 0.004;
const WIDE = WORKSPACE.opening[1];
// Distance of the tip behind the middle of a cube that it pushes: half a cube, half a finger.
const PUSH_GAP = CUBE_HALF + 0.014;

/** Goes over cube `index`, down, closes, and lifts it. */
export function* pick(look: Look, index: number): Script {
  yield { z: Math.max(look().command.z, CLEAR), opening: WIDE };
  const yaw = graspYaw(look(), index);
  const [x, y] = cubeAt(look().cubes, index);
  yield { x, y, yaw, hold: 1 };
  const [nowX, nowY, z] = cubeAt(look().cubes, index);
  yield { x: nowX, y: nowY, z: z - GRASP_BELOW, hold: 2 };
  yield { opening: 0, hold: 4 };
  yield { z: CLEAR + 0.03, hold: 1 };
}

/** Whether cube `index` is between the fingers, off the table. */
export function holds({ cubes, tip }: Scene, index: number): boolean {
  const [x, y, z] = cubeAt(cubes, index);
  return Math.hypot(x - tip.x, y - tip.y, z - tip.z) < 0.025 && z > 0.04;
}

/** Puts what is held down over the point that `where` gives, its middle `drop` above that height, and lets go. */
export function* place(look: Look, index: number, where: () => readonly [number, number, number], drop = 0): Script {
  const [x, y, z] = where();
  yield { x, y, z: clamp(z + 0.07, CLEAR, WORKSPACE.z[1]), hold: 2 };
  const { cubes, command } = look();
  const [heldX, heldY] = cubeAt(cubes, index);
  const corrected = { x: x + command.x - heldX, y: y + command.y - heldY };
  yield { ...corrected, z: z - GRASP_BELOW + 0.004 + drop, hold: 3, pace: 0.6 };
  yield { opening: WIDE, hold: 4 };
  yield { z: CLEAR + 0.03 };
}

/** Pushes cube `index` over the table to `goal`: from behind where there is room for the hand, else dragged in the grasp. */
export function* push(look: Look, index: number, goal: Place): Script {
  const [x, y] = cubeAt(look().cubes, index);
  const yaw = foldYaw(Math.atan2(goal[1] - y, goal[0] - x), Math.PI);
  const [behindX, behindY] = behind([x, y], goal, PUSH_GAP + 0.03);
  yield { z: CLEAR, opening: 0.04 };
  if (!roomAt(look(), index, behindX, behindY)) {
    yield* drag(look, index, goal);
    return;
  }
  yield { x: behindX, y: behindY, yaw };
  yield { z: 0.02, hold: 1 };
  for (let stroke = 0; stroke < 12; stroke++) {
    const [nowX, nowY] = cubeAt(look().cubes, index);
    const left = Math.hypot(goal[0] - nowX, goal[1] - nowY);
    const astray = sideways(look(), [nowX, nowY], goal);
    if (left < 0.015 || astray > 0.025) break;
    const length = Math.min(left, 0.04);
    const [tipX, tipY] = behind([nowX, nowY], goal, PUSH_GAP - length);
    yield { x: tipX, y: tipY, pace: 0.7 };
  }
  yield { z: CLEAR };
}

function* drag(look: Look, index: number, goal: Place): Script {
  const [x, y] = cubeAt(look().cubes, index);
  yield { x, y, yaw: graspYaw(look(), index), opening: WIDE, hold: 1 };
  yield { z: 0.022, hold: 2 };
  yield { opening: 0, hold: 4 };
  yield { x: goal[0], y: goal[1], pace: 0.7, hold: 2 };
  yield { opening: WIDE, hold: 3 };
  yield { z: CLEAR };
}

/** Presses the button at `button` with closed fingers. */
export function* press(look: Look, [x, y]: Place): Script {
  yield { z: Math.max(look().command.z, 0.08) };
  yield { x, y, opening: 0 };
  yield { z: BUTTON.top - 0.008, hold: 4, pace: 0.6 };
  yield { z: CLEAR };
}

/** The middle of a cube that lies in the bin. */
export function binFloor({ layout }: Scene): readonly [number, number, number] {
  return [...layout.bin, BIN.floor + CUBE_HALF + 0.02];
}

/** Yaw at which the fingers meet two faces of cube `index`: of the two, the one with more room for the fingers. */
export function graspYaw(scene: Scene, index: number): number {
  const faces = foldYaw(faceYaw(scene.cubes, index), Math.PI / 2);
  const candidates = [faces, faces > 0 ? faces - Math.PI / 2 : faces + Math.PI / 2];
  const [x, y] = cubeAt(scene.cubes, index);
  const room = (yaw: number): number => {
    const [aside, ahead] = [-Math.sin(yaw) * 0.05, Math.cos(yaw) * 0.05];
    return Math.min(clearance(scene, index, x + aside, y + ahead), clearance(scene, index, x - aside, y - ahead), 0.05);
  };
  const near = (yaw: number): number => -0.001 * Math.abs(yaw - scene.command.yaw);
  const [first, second] = candidates as [number, number];
  return room(first) + near(first) >= room(second) + near(second) ? first : second;
}

// The yaw of that body axis of the cube that lies flattest.
function faceYaw(cubes: Float64Array, index: number): number {
  const [w, x, y, z] = cubes.subarray(7 * index + 3, 7 * index + 7) as unknown as [number, number, number, number];
  const axisX = [1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)] as const;
  const axisY = [2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)] as const;
  const flattest = Math.abs(axisX[2]) < Math.abs(axisY[2]) ? axisX : axisY;
  return Math.atan2(flattest[1], flattest[0]);
}

/** `yaw` plus a multiple of `period`, in [-period / 2, period / 2]. */
function foldYaw(yaw: number, period: number): number {
  return yaw - period * Math.round(yaw / period);
}

function behind([x, y]: Place, goal: Place, gap: number): Place {
  const length = Math.max(Math.hypot(goal[0] - x, goal[1] - y), 1e-6);
  return [x - ((goal[0] - x) / length) * gap, y - ((goal[1] - y) / length) * gap];
}

// How far the tip is from the line through cube and goal.
function sideways({ command }: Scene, [x, y]: Place, goal: Place): number {
  const length = Math.max(Math.hypot(goal[0] - x, goal[1] - y), 1e-6);
  return Math.abs((command.x - x) * (goal[1] - y) - (command.y - y) * (goal[0] - x)) / length;
}

function roomAt(scene: Scene, index: number, x: number, y: number): boolean {
  const [lowX, highX] = WORKSPACE.x;
  const [lowY, highY] = WORKSPACE.y;
  const inside = x >= lowX && x <= highX && y >= lowY && y <= highY;
  return inside && clearance(scene, index, x, y) > 0.045;
}

// Distance from a point on the table to the next thing other than cube `index`: cube middles, the button's, bin walls.
function clearance({ cubes, layout }: Scene, index: number, x: number, y: number): number {
  const others = CUBES.map((_, i) => i).filter((i) => i !== index);
  const toCubes = others.map((i) => {
    const [cubeX, cubeY] = cubeAt(cubes, i);
    return Math.hypot(cubeX - x, cubeY - y) - 0.01;
  });
  const toButton = Math.hypot(layout.button[0] - x, layout.button[1] - y);
  const toWall = Math.max(Math.abs(layout.bin[0] - x), Math.abs(layout.bin[1] - y)) - BIN.half - 0.004;
  return Math.min(...toCubes, toButton, Math.abs(toWall) + 0.015);
}
