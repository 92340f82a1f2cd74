// Lets a policy act on an env: each tick's observation goes to the policy, its actions come back in blocks.
import {
  checkKeys,
  type Env,
  type EnvSpec,
  type Observation,
  OptionError,
  type StepResult,
  scale,
} from "@worldstep/protocols";
import { splitFrames } from "../env/streams.js";
import type { RemotePolicy } from "./connect-policy.js";
import { missing } from "./policy.js";
import { isTensor, malformed, type PolicyRecord } from "./policy-codec.js";

const UNITS = ["space", "robot"] as const;

export interface DriveOptions {
  /** What the policy is told of an observation, in its own keys; default `defaultObservation`. */
  readonly observe?: (observation: Observation) => PolicyRecord;
  /** How many rows of each answer to act out before asking again; default all. */
  readonly horizon?: number;
  /**
   * What the policy's actions are in: `space` (the default), as `step` takes them, or `robot`, in the units of
   * `spec.action`, from which they are scaled.
   */
  readonly units?: (typeof UNITS)[number];
  /**
   * Told before a step of each channel of which the env does not take every value, so that they are clipped. What it throws
   * ends the drive, and nothing is stepped. Default: a `console.warn` at the first.
   */
  readonly onClip?: (clipped: Clipped) => void;
}

/** Values of one channel that lie outside what the env takes, in one step. */
export interface Clipped {
  /** Of the drive's steps, counted from 1. */
  readonly tick: number;
  /** Its name in `spec.action`. */
  readonly channel: string;
  /** How many of the step's values. */
  readonly count: number;
  /** The first of them, as the policy said it. */
  readonly value: number;
  /** What is taken, in the same units. */
  readonly low: number;
  readonly high: number;
}

/** A step of a drive. */
export interface DrivenStep extends StepResult {
  /** How many of the policy's values were clipped so far, in all steps of the drive. */
  readonly clipped: number;
}

/**
 * Two of openpi's LIBERO keys: the newest frame `[H, W, 3]` uint8 and the proprioception `[P]` float32. A policy that wants
 * a prompt, a wrist camera or other keys needs an `observe` of its own. Throws `WorldError` (`tensor_missing`) where it was
 * observed without one of the two.
 */
export function defaultObservation(observation: Observation): PolicyRecord {
  const newest = splitFrames(observation).at(-1);
  const { proprioception } = observation;
  if (newest === undefined) throw missing("frames", "frames");
  if (proprioception === undefined) throw missing("proprioception", "state");
  return { "observation/image": newest, "observation/state": proprioception };
}

/**
 * The results of stepping `env` as `policy` wants, from `observation` (what `reset` returned) to the end of the episode.
 * The policy is reset first. A value that the env does not take is clipped, counted and told. Where the rows of an answer
 * end within a block, the block holds still: a channel with an `idle` gets that, any other its last value again.
 *
 * Throws what `policy.infer` and `env.step` throw, `ProtocolError` (`policy_malformed`) for an answer whose `actions` are not
 * float32 `[rows, A]`, `ActionError` (`action_not_finite`), and `OptionError` (`option_horizon`, `option_units`,
 * `option_unknown`).
 */
export async function* drive(
  env: Env,
  policy: RemotePolicy,
  observation: Observation,
  options: DriveOptions = {},
): AsyncGenerator<DrivenStep> {
  checkOptions(options);
  const { observe = defaultObservation, horizon, units = "space", onClip = warnOnce() } = options;
  const [stride, size] = env.spec.actionSpace.shape as [number, number];
  await policy.reset();
  let [tick, clipped] = [0, 0];
  for (let shown = observation; ; ) {
    const plan = planOf(await policy.infer(observe(shown)), size);
    const length = Math.min(plan.length / size, horizon ?? Number.POSITIVE_INFINITY);
    for (let row = 0; row < length; row += stride) {
      tick++;
      const rows = plan.subarray(row * size, Math.min(row + stride, length) * size);
      for (const found of outside(env.spec, rows, units)) {
        clipped += found.count;
        onClip({ tick, ...found });
      }
      const result = await env.step(block(env.spec, units === "robot" ? scale(env.spec, rows) : rows));
      yield { ...result, clipped };
      if (result.terminated || result.truncated) return;
      shown = result.observation;
    }
  }
}

// Of the range of a channel: what its bounds lose in float32 is not outside.
const SLACK = 1e-6;

function outside(
  { action, actionSpace }: EnvSpec,
  rows: Float32Array,
  units: "space" | "robot",
): Omit<Clipped, "tick">[] {
  return action.flatMap((channel, i) => {
    const { low, high } = units === "robot" ? channel : actionSpace;
    const slack = SLACK * Math.max(high - low, Math.abs(low), Math.abs(high));
    const values = rows.filter(
      (value, at) =>
        at % action.length === i && Number.isFinite(value) && (value < low - slack || value > high + slack),
    );
    const [value] = values;
    return value === undefined ? [] : [{ channel: channel.name, count: values.length, value, low, high }];
  });
}

// The whole block that begins with `rows`, as the env takes it. What is not finite stays, for `step` to refuse.
function block(spec: EnvSpec, rows: Float32Array): Float32Array {
  const { action, actionSpace } = spec;
  const { low, high, shape } = actionSpace;
  const still = scale(
    spec,
    action.map((channel) => channel.idle ?? channel.low),
  );
  const last = rows.subarray(rows.length - action.length).map((value, i) => {
    return action[i]?.idle === undefined ? value : (still[i] as number);
  });
  const [stride = 0, size = 0] = shape;
  return Float32Array.from({ length: stride * size }, (_, i) => {
    const value = rows[i] ?? (last[i % size] as number);
    return Number.isFinite(value) ? Math.min(high, Math.max(low, value)) : value;
  });
}

function checkOptions(options: DriveOptions): void {
  checkKeys("drive", options, ["observe", "horizon", "units", "onClip"]);
  const { horizon, units } = options;
  if (horizon !== undefined && !(Number.isInteger(horizon) && horizon > 0)) {
    throw new OptionError("option_horizon", `horizon is ${horizon}`, "give a whole number of rows above 0, or none");
  }
  if (units !== undefined && !UNITS.includes(units)) {
    throw new OptionError("option_units", `no units ${String(units)}`, `use ${UNITS.join(" or ")}`, { units: UNITS });
  }
}

function warnOnce(): (clipped: Clipped) => void {
  let isTold = false;
  return ({ tick, channel, value, low, high }) => {
    if (isTold) return;
    isTold = true;
    const units = 'if these are the robot\'s units, drive with { units: "robot" }';
    console.warn(`drive: ${channel} is ${value} in step ${tick} and is clipped to [${low}, ${high}]: ${units}`);
  };
}

/** The `actions` of a policy's answer, flat `[rows, size]`. Throws `ProtocolError` (`policy_malformed`). */
export function planOf({ actions }: PolicyRecord, size: number): Float32Array {
  const tensor = typeof actions === "object" && actions !== null && isTensor(actions) ? actions : undefined;
  if (tensor?.dtype === "float32" && tensor.shape.length === 2 && tensor.data.length > 0 && tensor.shape[1] === size) {
    return tensor.data as Float32Array;
  }
  const got = tensor === undefined ? "no array" : `${tensor.dtype} [${tensor.shape}]`;
  throw malformed(`actions that are ${got}, not [rows, ${size}]`);
}
