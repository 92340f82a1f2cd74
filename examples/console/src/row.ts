// One row of an action block: a number for each channel, as the action space has it.
import { type EnvSpec, scale, unscale } from "@worldstep/sdk";
import { nameOf } from "./labels.js";

/** What holds still, as far as that is known: the idle value of a channel, else what `before` says, shape `[A]`. */
export function stillRow(spec: EnvSpec, before: ArrayLike<number>): Float32Array {
  const idle = scale(
    spec,
    spec.action.map((channel) => channel.idle ?? channel.low),
  );
  return idle.map((value, i) => (spec.action[i]?.idle === undefined ? (before[i] as number) : value));
}

/**
 * Where an episode begins, before anything was asked for: idle; a channel that says where to be begins where the reading of
 * its name (`x` for `to x`) says that the robot is, else in its middle. `readings`: the proprioception, `[P]`.
 */
export function firstRow(spec: EnvSpec, readings: ArrayLike<number>): Float32Array {
  const names = spec.proprioception.map(nameOf);
  const units = spec.action.map(({ name, low, high, idle }) => {
    const reading = names.findIndex((known) => known === name || `to ${known}` === name);
    return idle ?? (reading < 0 ? (low + high) / 2 : Math.min(high, Math.max(low, readings[reading] as number)));
  });
  return scale(spec, units);
}

/** The action block, shape `[stride, A]`, flat: `row` in every control step, within the action space. */
export function blockOf(spec: EnvSpec, row: ArrayLike<number>): Float32Array {
  const { low, high } = spec.actionSpace;
  const bounded = Array.from(row, (value) => Math.min(high, Math.max(low, value)));
  return Float32Array.from(Array.from({ length: spec.stride }, () => bounded).flat());
}

/** The last row of `block`. */
export function lastRow(spec: EnvSpec, block: Float32Array): Float32Array {
  return block.slice(-spec.action.length);
}

/** Value `i` of `row` in the robot's unit. */
export function inUnits(spec: EnvSpec, row: ArrayLike<number>, i: number): number {
  return unscale(spec, Array.from(row))[i] as number;
}
