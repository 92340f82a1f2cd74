// Lets a policy act on an env: each tick's observation goes to the policy, its actions come back in blocks.
import { type Env, type Observation, ProtocolError, type StepResult } from "@worldstep/protocols";
import type { RemotePolicy } from "./policy.js";
import type { PolicyRecord, PolicyValue } from "./policy-codec.js";

export interface DriveOptions {
  /** What the policy is told of an observation, in its own keys; default `defaultObservation`. */
  readonly observe?: (observation: Observation) => PolicyRecord;
  /** How many rows of each answer to act out before asking again; default all. A last block that is short holds still. */
  readonly horizon?: number;
}

/** openpi's LIBERO keys: the newest frame `[H, W, 3]` uint8 and the proprioception `[P]` float32. */
export function defaultObservation({ frames, proprioception }: Observation): PolicyRecord {
  const [count = 1, ...shape] = frames.shape;
  const size = frames.data.length / count;
  return {
    "observation/image": { dtype: "uint8", shape, data: frames.data.subarray(-size) },
    "observation/state": proprioception,
  };
}

/**
 * The results of stepping `env` as `policy` wants, from `observation` (what `reset` returned) to the end of the episode.
 * An action that the space refuses is clipped to it. Throws what `policy.infer` and `env.step` throw, and `ProtocolError`
 * (`policy_malformed`) for an answer whose `actions` are not `[rows, A]`.
 */
export async function* drive(
  env: Env,
  policy: RemotePolicy,
  observation: Observation,
  options: DriveOptions = {},
): AsyncGenerator<StepResult> {
  const { observe = defaultObservation, horizon = Number.POSITIVE_INFINITY } = options;
  const [stride, size] = env.spec.actionSpace.shape as [number, number];
  const { low, high } = env.spec.actionSpace;
  for (let shown = observation; ; ) {
    const rows = planned((await policy.infer(observe(shown))).actions, size);
    const length = Math.min(rows.length / size, horizon);
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

function planned(actions: PolicyValue | undefined, size: number): Float32Array {
  const shape = typeof actions === "object" && actions !== null && "shape" in actions ? actions.shape : undefined;
  if (Array.isArray(shape) && shape.length === 2 && shape[0] > 0 && shape[1] === size) {
    return (actions as { data: Float32Array }).data;
  }
  const got = shape === undefined ? "none" : `[${shape}]`;
  throw new ProtocolError(
    "policy_malformed",
    `the policy's actions are ${got}, not [rows, ${size}]`,
    "ask another policy",
  );
}
