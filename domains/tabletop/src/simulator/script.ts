// Follows a script of way-points with relative actions. A script is a generator: it yields a way-point, and goes on when
// the commanded pose is there. Skill makes it worse on purpose.

import type { Random } from "@worldstep/sdk";
import { ACTION_SCALE, clamp, moved, POSE_KEYS, type Pose, poseInWorkspace, STRIDE } from "./kinematics.js";
import type { TaskState } from "./tasks.js";

/** What a script looks at: the simulator's state, or an estimate of it. */
export interface Scene extends TaskState {
  /** Where the actions so far want the tip. */
  readonly command: Pose;
}

/** What acts on a scene. */
export interface ScriptedPolicy {
  /** The next action block, shape `[4, 5]`, flat, in [-1, 1]. */
  act(scene: Scene): Float32Array;
}

/** How well a policy does what it knows. */
export interface Skill {
  /** Standard deviation of Gaussian noise on each element of an action; default 0. */
  readonly noise?: number;
  /** Control steps by which actions come late; default 0. */
  readonly delay?: number;
  /** Goes for the wrong cube or place; default false. */
  readonly wrongGoal?: boolean;
  /** Fraction of full speed, in (0, 1]; default 1. */
  readonly speed?: number;
  /** How far every way-point is off along x and y, m; default 0. */
  readonly bias?: number;
  /** How far above its place a cube is let go, m; default 0. */
  readonly drop?: number;
}

/** Where to go next; what is absent stays as it is. */
export interface Waypoint extends Partial<Pose> {
  /** Control steps to stay once there. */
  readonly hold?: number;
  /** Fraction of the skill's speed for this way. */
  readonly pace?: number;
  /** Instead of going anywhere: so many control steps of uncorrelated actions. */
  readonly noiseSteps?: number;
}

/** Reads the scene as it was at the start of the tick. */
export type Look = () => Scene;
export type Script = Generator<Waypoint, void>;

/** Elements of one row of an action block. */
export const ACTIONS = POSE_KEYS.length;
// A way-point that a blocked arm can't reach is given up after so many control steps.
const PATIENCE = 60;
// How much of the way from where the actions should have led to where the arm is the belief goes in a tick. An arm that
// lags or hangs is no drift; one that keeps being elsewhere is.
const CORRECTION = 0.25;

/** The policy that follows `script(look)`, and holds still when it has ended. */
export function follow(script: (look: Look) => Script, skill: Skill, random: Random): ScriptedPolicy {
  const { noise = 0, delay = 0, speed = 1, bias = 0 } = skill;
  const late: Float32Array[] = Array.from({ length: delay }, () => new Float32Array(ACTIONS));
  let scene: Scene | undefined;
  const running = script(() => scene as Scene);
  let target: Pose | undefined;
  let waypoint: Waypoint = {};
  let rows = 0;
  let arrived = 0;

  const goOn = (command: Pose): Pose => {
    const next = running.next();
    waypoint = next.done ? { hold: PATIENCE } : next.value;
    rows = 0;
    arrived = 0;
    const from = target ?? command;
    const off = (key: keyof Pose): number => (key === "x" || key === "y" ? bias : 0);
    return poseInWorkspace((key) => (waypoint[key] === undefined ? from[key] : waypoint[key] + off(key)));
  };

  const nextRow = (command: Pose): Float32Array => {
    target ??= goOn(command);
    const there = near(command, target, noise);
    const over = waypoint.noiseSteps
      ? rows >= waypoint.noiseSteps
      : (there && arrived >= (waypoint.hold ?? 0)) || rows >= PATIENCE + (waypoint.hold ?? 0);
    if (over) {
      // After noise the way goes on from where the noise led.
      if (waypoint.noiseSteps) target = command;
      target = goOn(command);
    } else if (there) arrived++;
    rows++;
    if (waypoint.noiseSteps) return Float32Array.from({ length: ACTIONS }, () => clamp(random.normal(), -1, 1));
    return towards(command, target, speed * (waypoint.pace ?? 1)).map((value) =>
      clamp(value + noise * random.normal(), -1, 1),
    );
  };

  return {
    act(now) {
      scene = now;
      // Where the actions that are still on their way will have led.
      let command = late.reduce(moved, now.command);
      const block = new Float32Array(STRIDE * ACTIONS);
      for (let i = 0; i < STRIDE; i++) {
        const row = nextRow(command);
        command = moved(command, row);
        late.push(row);
        block.set(late.shift() as Float32Array, i * ACTIONS);
      }
      return block;
    },
  };
}

/**
 * `policy`, which is told where the tip is and what the scene shows, but not where its actions want the tip: that it
 * believes, and corrects by where the tip is.
 */
export function believing(policy: ScriptedPolicy): { act(seen: Omit<Scene, "command">): Float32Array } {
  let command: Pose | undefined;
  return {
    act(seen) {
      command = command === undefined ? seen.tip : corrected(command, seen.tip);
      const block = policy.act({ ...seen, command });
      for (let row = 0; row < block.length; row += ACTIONS) command = moved(command, block.subarray(row));
      return block;
    },
  };
}

function corrected(command: Pose, tip: Pose): Pose {
  const towards = (key: "x" | "y" | "z" | "yaw"): number => command[key] + CORRECTION * (tip[key] - command[key]);
  return { x: towards("x"), y: towards("y"), z: towards("z"), yaw: towards("yaw"), opening: command.opening };
}

// The opening is left out: closed on a cube, it never arrives.
function near(command: Pose, target: Pose, noise: number): boolean {
  const slack = 0.001 + 0.02 * noise;
  const off = Math.max(
    Math.abs(command.x - target.x),
    Math.abs(command.y - target.y),
    Math.abs(command.z - target.z),
    Math.abs(command.yaw - target.yaw) / 10,
  );
  return off <= slack;
}

// A straight way: position at `speed` along the axis that has farthest to go, yaw and opening each as fast as they can.
function towards(command: Pose, target: Pose, speed: number): Float32Array {
  const wanted = POSE_KEYS.map((key) => (target[key] - command[key]) / ACTION_SCALE[key]);
  const farthest = Math.max(...wanted.slice(0, 3).map(Math.abs));
  const scale = Math.min(1, speed / Math.max(farthest, 1e-9));
  return Float32Array.from(wanted, (value, i) => (i < 3 ? value * scale : clamp(value, -speed, speed)));
}
