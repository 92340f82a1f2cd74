// What hands and autopilot ask of the next tick, by name, and the action block that says it to a world.
import type { EnvSpec } from "@worldstep/sdk";

/** One tick's motion in units of the action, each in [-1, 1]; the same for all control steps of the tick. */
export interface Move {
  readonly dx: number;
  readonly dy: number;
  readonly dz: number;
  readonly yaw: number;
  /** 1 closes, -1 opens. */
  readonly gripper: number;
}

export const STILL: Move = { dx: 0, dy: 0, dz: 0, yaw: 0, gripper: 0 };

/** An action channel of the world. */
export interface Channel {
  readonly index: number;
  /** What an action of 1 does in one control step, in the channel's unit. */
  readonly size: number;
}

/** The channel that moves `key`; undefined where the world has none of that name. */
export function channelOf(spec: EnvSpec, key: keyof Move): Channel | undefined {
  const index = spec.action.findIndex(({ name }) => name === key);
  const channel = spec.action[index];
  return channel && { index, size: channel.high };
}

/** The action block, shape `[stride, A]`, flat. */
export function blockOf(spec: EnvSpec, move: Move): Float32Array {
  const [rows = 1, channels = 1] = spec.actionSpace.shape;
  const { low, high } = spec.actionSpace;
  const block = new Float32Array(rows * channels);
  for (const key of Object.keys(STILL) as (keyof Move)[]) {
    const channel = channelOf(spec, key);
    if (!channel) continue;
    const value = Math.min(high, Math.max(low, move[key]));
    for (let row = 0; row < rows; row++) block[row * channels + channel.index] = value;
  }
  return block;
}
