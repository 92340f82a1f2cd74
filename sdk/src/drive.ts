// Lets a policy act on an env: each tick's observation goes to the policy, its actions come back in blocks.
import { type ByteTensor, type Env, type Observation, OptionError, type StepResult } from "@worldstep/protocols";
import type { RemotePolicy } from "./policy.js";
import { isTensor, malformed, type PolicyRecord } from "./policy-codec.js";
import { splitFrames } from "./streams.js";

export interface DriveOptions {
  /** What the policy is told of an observation, in its own keys; default `defaultObservation`. */
  readonly observe?: (observation: Observation) => PolicyRecord;
  /** How many rows of each answer to act out before asking again; default all. A last block that is short holds still. */
  readonly horizon?: number;
}

/**
 * Two of openpi's LIBERO keys: the newest frame `[H, W, 3]` uint8 and the proprioception `[P]` float32. A policy that wants
 * a prompt, a wrist camera or other keys needs an `observe` of its own.
 */
export function defaultObservation(observation: Observation): PolicyRecord {
  const newest = splitFrames(observation).at(-1) as ByteTensor;
  return { "observation/image": newest, "observation/state": observation.proprioception };
}

/**
 * The results of stepping `env` as `policy` wants, from `observation` (what `reset` returned) to the end of the episode.
 * The policy is reset first. An action that the space refuses is clipped to it. Throws what `policy.infer` and `env.step`
 * throw, `ProtocolError` (`policy_malformed`) for an answer whose `actions` are not float32 `[rows, A]`, and `OptionError`
 * (`option_horizon`).
 */
export async function* drive(
  env: Env,
  policy: RemotePolicy,
  observation: Observation,
  options: DriveOptions = {},
): AsyncGenerator<StepResult> {
  const { observe = defaultObservation, horizon } = options;
  if (horizon !== undefined && !(Number.isInteger(horizon) && horizon > 0)) {
    throw new OptionError("option_horizon", `horizon is ${horizon}`, "give a whole number of rows above 0, or none");
  }
  const [stride, size] = env.spec.actionSpace.shape as [number, number];
  const { low, high } = env.spec.actionSpace;
  await policy.reset();
  for (let shown = observation; ; ) {
    const rows = planOf(await policy.infer(observe(shown)), size);
    const length = Math.min(rows.length / size, horizon ?? Number.POSITIVE_INFINITY);
    for (let row = 0; row < length; row += stride) {
      const block = new Float32Array(stride * size);
      block.set(rows.subarray(row * size, Math.min(row + stride, length) * size));
      const result = await env.step(block.map((value) => Math.min(high, Math.max(low, value))));
      yield result;
      if (result.terminated || result.truncated) return;
      shown = result.observation;
    }
  }
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
