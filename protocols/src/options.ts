// What may be asked of `reset` and `step`, checked by every env in the same way: unknown keys and unusable values are
// errors, at the first one.
import { type EnvSpec, OBSERVED, type Observation, type Observed, type ResetOptions, type StepOptions } from "./env.js";
import { OptionError } from "./errors.js";
import { shown } from "./shown.js";

const RESET_KEYS: readonly (keyof ResetOptions)[] = [
  "seed",
  "task",
  "start",
  "frames",
  "actions",
  "proprioception",
  "maxTicks",
];
const STEP_KEYS: readonly (keyof StepOptions)[] = ["nfe", "observe"];

/**
 * Throws `OptionError`: `option_invalid`, `option_unknown`, `option_seed`, `option_task`, `option_start`, `option_frames`,
 * `option_actions`, `option_proprioception`, `option_max_ticks`. The tensors' shapes are the env's to check.
 */
export function checkReset(spec: EnvSpec, options: ResetOptions): void {
  checkKeys("reset", options, RESET_KEYS);
  const { seed, task, start, frames, actions, proprioception, maxTicks } = options;
  if (seed !== undefined && !isWhole(seed)) {
    throw refusal("option_seed", "seed", seed, "a whole number in [0, 2^53), or none");
  }
  if (task !== undefined && !spec.tasks.includes(task)) {
    throw refusal("option_task", "task", task, `one of ${spec.tasks.join(", ")}`, { tasks: spec.tasks });
  }
  if (start !== undefined && !spec.starts.includes(start)) {
    const known =
      spec.starts.length > 0 ? `one of ${spec.starts.join(", ")}` : "a seed: this world makes its starts from it";
    throw refusal("option_start", "start", start, known, { starts: spec.starts });
  }
  if (start !== undefined && frames !== undefined) {
    throw refusal("option_start", "start", start, "a start or frames, not both");
  }
  if (frames !== undefined && !spec.acceptsFrames) {
    throw refusal("option_frames", "frames", "given", "a seed: this world can't start from frames");
  }
  if (actions !== undefined && frames === undefined) {
    throw refusal("option_actions", "actions", "given", "the frames that they led through, or no actions");
  }
  if (proprioception !== undefined && frames === undefined) {
    throw refusal("option_proprioception", "proprioception", "given", "the frames that show it, or none");
  }
  if (maxTicks !== undefined && !isWhole(maxTicks)) {
    throw refusal("option_max_ticks", "maxTicks", maxTicks, "a whole number, 0 for never");
  }
}

/**
 * The evaluations that a step asks for, or the env's default; undefined where nothing is sampled.
 * Throws `OptionError`: `option_invalid`, `option_unknown`, `option_nfe`, `option_observe`.
 */
export function checkStep({ nfe: range }: EnvSpec, options: StepOptions): number | undefined {
  checkKeys("step", options, STEP_KEYS);
  const { nfe, observe } = options;
  if (observe !== undefined) checkObserve(observe);
  if (nfe === undefined) return range?.default;
  if (range === undefined) throw refusal("option_nfe", "nfe", nfe, "none: this world samples nothing");
  const { min, max } = range;
  if (!isWhole(nfe) || nfe < min || nfe > max) {
    throw refusal("option_nfe", "nfe", nfe, `a whole number from ${min} to ${max}`, { min, max });
  }
  return nfe;
}

/** Throws `OptionError` (`option_observe`). */
export function checkObserve(observe: unknown): void {
  const known: readonly unknown[] = OBSERVED;
  if (Array.isArray(observe) && observe.length > 0 && observe.every((part) => known.includes(part))) return;
  throw refusal("option_observe", "observe", observe, `a list with ${OBSERVED.join(" or ")}, or nothing for all`);
}

/** Of `observation` what is asked for: all where `observe` is undefined. */
export function observed(
  { cameras }: EnvSpec,
  observation: Observation,
  observe: readonly Observed[] | undefined,
): Observation {
  if (observe === undefined) return observation;
  const frames = new Set(["frames", ...cameras.map(({ key }) => key)]);
  const wanted = Object.entries(observation).filter(([key]) => observe.includes(frames.has(key) ? "frames" : "state"));
  return Object.fromEntries(wanted) as Observation; // as StepOptions says
}

/**
 * Throws `OptionError`: `option_invalid` unless `options`, be it what it may, is an object; and `option_unknown` at the first of
 * its keys that is not `known`.
 */
export function checkKeys(call: string, options: object, known: readonly string[]): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw refusal("option_invalid", `what ${call} is asked for`, options, "an object with its options, or nothing");
  }
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  const option = shown(unknown);
  const summary = `${call} has no option "${option}"`;
  throw new OptionError("option_unknown", summary, `use one of ${known.join(", ")}`, { option });
}

export function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

export function refusal(code: string, option: string, value: unknown, expected: string, facts = {}): OptionError {
  const told = shown(value);
  return new OptionError(code, `${option} is ${told}`, `give ${expected}`, { option, value: told, ...facts });
}
