// What each number of an action means to the robot, and actions from its units to those of the action space and back.
import { ActionError } from "./errors.js";
import type { ActionLike, BoxSpace } from "./spaces.js";

/**
 * `delta`: a change of what it names. `absolute`: where that is to be. `gripper`: what opens and closes, in either way.
 * `flag`: one thing or another, with nothing between.
 */
export type ChannelKind = "delta" | "absolute" | "gripper" | "flag";
export const CHANNEL_KINDS = ["delta", "absolute", "gripper", "flag"] as const satisfies readonly ChannelKind[];

/** One of the A numbers of an action. */
export interface Channel {
  readonly name: string;
  /** Of `low`, `high` and `idle`: m, rad, px. */
  readonly unit?: string;
  /** What the action space's lower bound means, in `unit`. */
  readonly low: number;
  /** What its upper bound means; never below `low`. */
  readonly high: number;
  readonly kind: ChannelKind;
  /** What holds still, in `unit`: 0 of a delta. Absent where saying the same again does, as of an absolute channel. */
  readonly idle?: number;
}

/** What of an `EnvSpec` scaling needs. */
interface Scaled {
  readonly action: readonly Channel[];
  readonly actionSpace: BoxSpace;
}

/**
 * Rows `[n, A]` in the robot's units as what `step` takes, flat: linear, so that a channel's `low` becomes the space's lower
 * bound and its `high` the upper one; a channel that never moves becomes their middle. Nothing is clipped.
 * Throws `ActionError` (`action_shape`, `action_not_finite`).
 */
export function scale(spec: Scaled, rows: ActionLike): Float32Array {
  const { low, high } = spec.actionSpace;
  return mapped(spec, rows, (value, channel) => {
    const span = channel.high - channel.low;
    return span > 0 ? low + ((value - channel.low) / span) * (high - low) : (low + high) / 2;
  });
}

/** `scale` the other way: rows `[n, A]` in the action space in the robot's units, flat. Throws as `scale` does. */
export function unscale(spec: Scaled, rows: ActionLike): Float32Array {
  const { low, high } = spec.actionSpace;
  return mapped(
    spec,
    rows,
    (value, channel) => channel.low + ((value - low) / (high - low)) * (channel.high - channel.low),
  );
}

function mapped({ action }: Scaled, rows: ActionLike, of: (value: number, channel: Channel) => number): Float32Array {
  const values = Array.from("data" in rows ? rows.data : (rows as ArrayLike<number | readonly number[]>)).flat();
  const size = action.length;
  if (values.length === 0 || values.length % size !== 0) {
    throw new ActionError(
      "action_shape",
      `${values.length} numbers are no rows of ${size} channels`,
      "give rows of one number for each channel",
      { expected: [size], got: [values.length] },
    );
  }
  const index = values.findIndex((value) => !Number.isFinite(value));
  if (index >= 0) {
    throw new ActionError("action_not_finite", `action element ${index} is ${values[index]}`, "send finite numbers", {
      index,
      value: String(values[index]),
    });
  }
  return Float32Array.from(values, (value, i) => of(value, action[i % size] as Channel));
}
