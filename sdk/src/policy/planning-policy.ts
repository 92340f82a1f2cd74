// A policy that plans in a world: what it sees becomes the start of a dream, the best plan there its next actions
// (model predictive control).
import {
  byteTensor,
  checkKeys,
  type Env,
  elementCount,
  type FloatTensor,
  floatTensor,
  type Observation,
  OptionError,
  type PlanOptions,
  plan,
  type ResetOptions,
  WorldError,
} from "@worldstep/protocols";
import { newestFrame, type Policy } from "./policy.js";

export interface PlanningOptions extends Omit<PlanOptions, "begin" | "seed"> {
  /** Ticks of a plan that are acted out before the next one is made; default 2. */
  readonly every?: number;
}

/**
 * Plans in `world`, an env with `plan` that accepts frames; while it acts nobody else may use that. It looks at the frames and
 * the proprioception of what it acts on, so they must look as the world's own do; and it remembers its last action, so `act` is
 * called once a tick. Plans go on from what is left of the one before. Closing it leaves `world` open. What was observed
 * without frames it refuses (`tensor_missing`); without proprioception the world reads that from the frames.
 * Throws `OptionError` (`option_unknown`, `option_plan`), `WorldError` (`env_cannot_plan`), and what `reset` and `plan` throw.
 */
export function planningPolicy(world: Env, options: PlanningOptions = {}): Policy {
  const { every = 2, ...search } = options;
  checkKeys("planningPolicy", search, ["method", "over", "horizon", "samples", "iterations", "nfe", "task", "goal"]);
  const { horizon = 8 } = search;
  if (!Number.isSafeInteger(every) || every < 1 || every > horizon) {
    const facts = { option: "every", value: every };
    throw new OptionError("option_plan", `every is ${every}`, `give a whole number from 1 to ${horizon}`, facts);
  }
  const { spec } = world;
  if (!spec.predicts || !spec.acceptsFrames) {
    throw new WorldError("env_cannot_plan", `${spec.id} can't plan from frames`, "use a world that is learned");
  }
  const block = elementCount(spec.actionSpace.shape);
  let seed = 0;
  let left: Float32Array = new Float32Array();
  let planned: FloatTensor | undefined;
  let before: { readonly frame: Uint8Array; readonly action: Float32Array } | undefined;

  return {
    reset: async (episode) => {
      [seed, left, planned, before] = [episode, new Float32Array(), undefined, undefined];
    },
    act: async (observation) => {
      const frame = newestFrame(observation);
      if (left.length === 0) {
        await world.reset({ seed, maxTicks: 0, ...startOf(world, observation, before) });
        const found = await plan(world, {
          ...search,
          horizon,
          seed,
          ...(planned && { begin: shifted(planned, every) }),
        });
        planned = found.actions;
        left = planned.data.slice(0, every * block);
      }
      const action = left.slice(0, block);
      left = left.subarray(block);
      before = { frame: frame.slice(), action };
      return action;
    },
    close: async () => {},
  };
}

// The dream begins with the newest frame; where it is known what led there, with the frame before the tick too: so it shows how things move.
function startOf(
  { spec }: Env,
  { frames, proprioception }: Observation,
  before: { readonly frame: Uint8Array; readonly action: Float32Array } | undefined,
): ResetOptions {
  const [count = 0, ...size] = frames.shape;
  if (before === undefined) {
    const newest = frames.data.slice((frames.data.length / count) * (count - 1));
    return { frames: byteTensor(newest, [1, ...size]), proprioception };
  }
  const shown = new Uint8Array(before.frame.length + frames.data.length);
  shown.set(before.frame);
  shown.set(frames.data, before.frame.length);
  return {
    frames: byteTensor(shown, [1 + count, ...size]),
    actions: floatTensor(before.action, [1, ...spec.actionSpace.shape]),
    proprioception,
  };
}

// What is left of a plan after `ticks` of it, with its last tick again for those that are new.
function shifted({ data, shape }: FloatTensor, ticks: number): FloatTensor {
  const size = data.length / (shape[0] as number);
  const next = new Float32Array(data.length);
  next.set(data.subarray(ticks * size));
  for (let at = data.length - ticks * size; at < data.length; at += size) next.set(data.subarray(-size), at);
  return floatTensor(next, shape);
}
