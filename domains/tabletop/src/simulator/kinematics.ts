// The arm's geometry: link lengths, the tip's workspace, and closed-form inverse kinematics. The gripper always points
// straight down, so a pose is a tip position, a yaw and an opening.

/** Where the tip (the point between the finger tips) is, and how: metres and radians. Fingers open along y at yaw 0. */
export interface Pose {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly yaw: number;
  /** Distance between the fingers. */
  readonly opening: number;
}

/** Metres: height of the shoulder, the two links, and from the wrist down to the tip. */
export const ARM = { shoulder: 0.2, upper: 0.32, fore: 0.31, hand: 0.15 } as const;

/** Bounds of the commanded pose, `[low, high]`. */
export const WORKSPACE: Readonly<Record<keyof Pose, readonly [number, number]>> = {
  x: [0.24, 0.5],
  y: [-0.24, 0.24],
  z: [0.015, 0.24],
  yaw: [-Math.PI / 2, Math.PI / 2],
  opening: [0, 0.08],
};

/** What an action of 1 adds to the commanded pose in one control step, in the order of the action's channels. */
export const ACTION_SCALE = { x: 0.015, y: 0.015, z: 0.015, yaw: 0.15, opening: -0.02 } as const;

/** Keys of a pose in the order of the action's channels and of the proprioception. */
export const POSE_KEYS = ["x", "y", "z", "yaw", "opening"] as const;

/** Rows of an action block, control steps of a tick. */
export const STRIDE = 4;

export function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

/** A pose whose element `key` is `value(key)`, clamped to the workspace. */
export function poseInWorkspace(value: (key: keyof Pose) => number): Pose {
  const at = (key: keyof Pose): number => clamp(value(key), ...WORKSPACE[key]);
  return { x: at("x"), y: at("y"), z: at("z"), yaw: at("yaw"), opening: at("opening") };
}

/** The commanded pose after one row of an action block, clamped to the workspace. */
export function moved(command: Pose, row: ArrayLike<number>): Pose {
  return poseInWorkspace((key) => command[key] + ACTION_SCALE[key] * (row[POSE_KEYS.indexOf(key)] as number));
}

/**
 * Joint targets for `pose`, which must lie in the workspace: base yaw, shoulder, elbow, wrist pitch, wrist roll (rad),
 * left and right finger (m). Two-link planar geometry, elbow up; positive pitch turns a link down.
 */
export function jointTargets(pose: Pose): readonly [number, number, number, number, number, number, number] {
  const yaw = Math.atan2(pose.y, pose.x);
  const forward = Math.hypot(pose.x, pose.y);
  const up = pose.z + ARM.hand - ARM.shoulder;
  const reach = Math.hypot(forward, up);
  const inner = (reach * reach + ARM.upper ** 2 - ARM.fore ** 2) / (2 * ARM.upper * reach);
  const upper = Math.atan2(up, forward) + Math.acos(inner);
  const fore = Math.atan2(up - ARM.upper * Math.sin(upper), forward - ARM.upper * Math.cos(upper));
  return [yaw, -upper, upper - fore, fore, pose.yaw - yaw, pose.opening / 2, pose.opening / 2];
}
