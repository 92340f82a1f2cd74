// Several envs of one kind stepped together, with Gymnasium's three autoreset modes (VectorEnv of Gymnasium 1.x).
import {
  ActionError,
  type ActionLike,
  type AutoresetMode,
  type Env,
  type EnvSpec,
  elementCount,
  type FloatTensor,
  floatTensor,
  type Info,
  type Observation,
  OptionError,
  ResetNeededError,
  type ResetOptions,
  type StepOptions,
  type StepResult,
  toAction,
  WorldError,
} from "@worldstep/protocols";
import { batch } from "./batch.js";

export interface VectorEnvOptions {
  /** Default `NextStep`, as in Gymnasium. */
  readonly autoreset?: AutoresetMode;
}

export type EpisodeOptions = Omit<ResetOptions, "seed">;

export interface VectorResetOptions {
  /** A number `s` seeds env i with `s + i`; an array has one seed for each env. */
  readonly seed?: number | readonly number[];
  /** For all envs, or one for each. An autoreset uses the env's last ones again, without a seed. */
  readonly options?: EpisodeOptions | readonly EpisodeOptions[];
  /** Reset only these envs, at least one; the others keep their last observation, and get an empty info. */
  readonly mask?: readonly boolean[];
}

export interface VectorResetResult {
  /** Each `[N, ...]`. */
  readonly observations: Observation;
  readonly infos: readonly Info[];
}

export interface VectorStepResult extends VectorResetResult {
  /** `[N]`, as are the next two. */
  readonly rewards: Float64Array;
  /** 1 where the task is done. */
  readonly terminated: Uint8Array;
  /** 1 where the time limit cut the episode off. */
  readonly truncated: Uint8Array;
}

/** Action blocks for all envs: `[N, stride, A]` as a tensor or flat, or one block for each env. */
export type VectorActionLike = FloatTensor | Float32Array | readonly ActionLike[];

/** One env of a vector failed. `code` is the cause's; `facts.env` is the first that failed, `facts.failed` are all. */
export class VectorEnvError extends WorldError {
  override readonly name = "VectorEnvError";

  constructor(failed: readonly number[], cause: unknown) {
    const [env] = failed;
    const known = cause instanceof WorldError ? cause : undefined;
    super(
      known?.code ?? "vector_env_failed",
      `env ${env}: ${cause instanceof Error ? cause.message : String(cause)}`,
      "call again to finish the step for the envs that failed, or reset",
      { ...known?.facts, env, failed },
      { cause },
    );
  }
}

// One env, and how far it has come in the vector's step. A step that failed in part is finished by the next call:
// `committed` is the tick that this env has taken, `outcome` its finished row.
interface Row {
  readonly env: Env;
  options: EpisodeOptions;
  observation: Observation | undefined;
  ended: boolean;
  committed: { readonly action: FloatTensor; readonly result: StepResult } | undefined;
  outcome: StepResult | undefined;
}

/**
 * N envs with equal spaces, stepped as one. All N requests are issued at once and awaited together.
 *
 * - `NextStep`: the call after an episode ended ignores that env's action and resets it: reward 0, neither terminated
 *   nor truncated.
 * - `SameStep`: an env that ends is reset in the same call. Its observation and info are the reset's; the info also
 *   holds the last ones as `finalObservation` and `finalInfo`.
 * - `Disabled`: the caller resets, with a mask; to step an env that ended is `reset_needed`, and steps no env.
 *
 * If some envs fail, the call rejects with a `VectorEnvError`, and the others have taken their tick. Their rows are
 * kept: the next `step` steps only the envs that failed and returns the whole, so that a retry steps no env twice. It
 * must bring the same actions for the envs that stepped (`option_retry`). A reset drops what was kept.
 */
export class VectorEnv {
  readonly spec: EnvSpec;
  readonly size: number;
  readonly autoreset: AutoresetMode;
  readonly #rows: readonly Row[];
  #queue: Promise<unknown> = Promise.resolve();

  /** Takes over `envs`: `close` closes them. Throws `OptionError` (`option_vector`). */
  constructor(envs: readonly Env[], { autoreset = "NextStep" }: VectorEnvOptions = {}) {
    const [first] = envs;
    if (first === undefined) throw new OptionError("option_vector", "a vector of no envs", "give at least one env");
    for (const [i, { spec }] of envs.entries()) {
      if (spaces(spec) === spaces(first.spec)) continue;
      throw new OptionError("option_vector", `env ${i} has other spaces than env 0`, "use envs of one world", {
        env: i,
      });
    }
    this.spec = first.spec;
    this.size = envs.length;
    this.autoreset = autoreset;
    this.#rows = envs.map((env) => ({
      env,
      options: {},
      observation: undefined,
      ended: false,
      committed: undefined,
      outcome: undefined,
    }));
  }

  /** Throws `OptionError` (`option_seed`, `option_vector`, `option_mask`) before any env is reset. */
  reset(options: VectorResetOptions = {}): Promise<VectorResetResult> {
    return this.#inOrder(() => this.#reset(options));
  }

  /**
   * One tick of every env. Throws `action_shape` or, in a `VectorEnvError`, another action error before any env is stepped.
   */
  step(actions: VectorActionLike, options?: StepOptions): Promise<VectorStepResult> {
    // Split now: the caller may use its buffer again as soon as this returns.
    const split = this.#split(actions);
    return this.#inOrder(() => this.#step(split, options));
  }

  async close(): Promise<void> {
    await Promise.all(this.#rows.map(({ env }) => env.close()));
  }

  async #reset({ seed, options = {}, mask }: VectorResetOptions): Promise<VectorResetResult> {
    const seeds = this.#seeds(seed);
    if (Array.isArray(options) && options.length !== this.size) {
      throw new OptionError("option_vector", `${options.length} options for ${this.size} envs`, "give one for each");
    }
    this.#checkMask(mask);
    const outcomes = await Promise.allSettled(
      this.#rows.map(async (row, i) => {
        if (mask && !mask[i]) return {};
        const episode: EpisodeOptions = Array.isArray(options) ? options[i] : options;
        const seeded = seeds === undefined ? episode : { ...episode, seed: seeds[i] as number };
        const { observation, info } = await row.env.reset(seeded);
        Object.assign(row, { options: episode, observation, ended: false, committed: undefined, outcome: undefined });
        return info;
      }),
    );
    return { infos: settled(outcomes), observations: this.#observations() };
  }

  async #step(actions: readonly ActionLike[], options?: StepOptions): Promise<VectorStepResult> {
    const blocks = this.#rows.map((row, i) => this.#check(row, i, actions[i] as ActionLike));
    const outcomes = await Promise.allSettled(
      this.#rows.map(async (row, i) => {
        row.outcome ??= await this.#advance(row, blocks[i], options);
        return row.outcome;
      }),
    );
    const results = settled(outcomes);
    for (const [i, row] of this.#rows.entries()) {
      const { observation, terminated, truncated } = results[i] as StepResult;
      // In SameStep the env runs again already.
      const ended = this.autoreset !== "SameStep" && (terminated || truncated);
      Object.assign(row, { observation, ended, committed: undefined, outcome: undefined });
    }
    return {
      observations: this.#observations(),
      rewards: Float64Array.from(results, ({ reward }) => reward),
      terminated: Uint8Array.from(results, ({ terminated }) => Number(terminated)),
      truncated: Uint8Array.from(results, ({ truncated }) => Number(truncated)),
      infos: results.map(({ info }) => info),
    };
  }

  // This env's action block, or undefined where the action is ignored.
  #check(row: Row, index: number, action: ActionLike): FloatTensor | undefined {
    if (row.ended && this.autoreset === "NextStep") return undefined;
    if (row.observation === undefined) throw new VectorEnvError([index], new ResetNeededError("never_reset"));
    if (row.ended) throw new VectorEnvError([index], new ResetNeededError("episode_ended"));
    const block = this.#toAction(index, action);
    if (row.committed && !row.committed.action.data.every((value, i) => value === block.data[i])) {
      throw new OptionError(
        "option_retry",
        `env ${index} has already taken this tick with another action`,
        "retry with the same actions for the envs that did not fail",
        { env: index },
      );
    }
    return block;
  }

  async #advance(row: Row, action: FloatTensor | undefined, options?: StepOptions): Promise<StepResult> {
    if (action === undefined) {
      const reset = await row.env.reset(row.options);
      return { ...reset, reward: 0, terminated: false, truncated: false };
    }
    row.committed ??= { action, result: await row.env.step(action, options) };
    const { result } = row.committed;
    if (this.autoreset !== "SameStep" || !(result.terminated || result.truncated)) return result;
    const { observation, info } = await row.env.reset(row.options);
    return {
      ...result,
      observation,
      info: { ...info, finalObservation: result.observation, finalInfo: result.info },
    };
  }

  #split(actions: VectorActionLike): readonly ActionLike[] {
    const { shape } = this.spec.actionSpace;
    if (Array.isArray(actions) && actions.length === this.size) return actions.map(copyAction);
    const data = actions instanceof Float32Array ? actions : "data" in actions ? actions.data : undefined;
    const count = elementCount(shape);
    const got = "shape" in actions ? actions.shape : [actions.length];
    const expected = [this.size, ...shape];
    const sameShape = !("shape" in actions) || String(got) === String(expected);
    if (data === undefined || data.length !== this.size * count || !sameShape) {
      throw new ActionError(
        "action_shape",
        `expected actions of shape [${expected.join(", ")}], got [${got.join(", ")}]`,
        "send one action block for each env",
        { expected, got },
      );
    }
    return this.#rows.map((_, i) => floatTensor(data.slice(i * count, (i + 1) * count), shape));
  }

  #toAction(index: number, action: ActionLike): FloatTensor {
    try {
      return toAction(this.spec.actionSpace, action);
    } catch (error) {
      throw new VectorEnvError([index], error);
    }
  }

  #seeds(seed: number | readonly number[] | undefined): readonly number[] | undefined {
    if (seed === undefined) return undefined;
    const seeds = typeof seed === "number" ? this.#rows.map((_, i) => seed + i) : seed;
    const good = seeds.length === this.size && seeds.every((value) => Number.isSafeInteger(value) && value >= 0);
    if (!good) {
      throw new OptionError("option_seed", `bad seeds [${seeds.join(", ")}]`, "give a whole number >= 0 for each env");
    }
    return seeds;
  }

  #checkMask(mask: readonly boolean[] | undefined): void {
    if (mask === undefined) return;
    if (mask.length !== this.size || !mask.includes(true)) {
      throw new OptionError(
        "option_mask",
        `a mask of ${mask.length} with ${mask.filter(Boolean).length} set, for ${this.size} envs`,
        "give one boolean for each env, at least one of them true",
      );
    }
    const unseen = this.#rows.findIndex((row, i) => !mask[i] && row.observation === undefined);
    if (unseen >= 0) throw new VectorEnvError([unseen], new ResetNeededError("never_reset"));
  }

  #observations(): Observation {
    return batch(this.#rows.map(({ observation }) => observation as Observation));
  }

  #inOrder<T>(call: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(call);
    this.#queue = result.catch(() => undefined);
    return result;
  }
}

/** A vector of `size` envs from `open`, opened at once. If one can't be opened, none stays open, and that is the error. */
export async function openVector(
  open: () => Promise<Env>,
  size: number,
  options?: VectorEnvOptions,
): Promise<VectorEnv> {
  const opened = await Promise.allSettled(Array.from({ length: size }, open));
  const envs = opened.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
  const failed = opened.find((outcome) => outcome.status === "rejected");
  if (failed === undefined) return new VectorEnv(envs, options);
  await Promise.all(envs.map((env) => env.close()));
  throw failed.reason;
}

function spaces({ observationSpace, actionSpace }: EnvSpec): string {
  return JSON.stringify([observationSpace, actionSpace]);
}

function copyAction(action: ActionLike): ActionLike {
  if (action instanceof Float32Array) return action.slice();
  return "data" in action ? { ...action, data: action.data.slice() } : structuredClone(action);
}

// All values, or one error that names every env that failed.
function settled<T>(outcomes: readonly PromiseSettledResult<T>[]): T[] {
  const failed = outcomes.flatMap(({ status }, i) => (status === "rejected" ? [i] : []));
  const [first] = failed;
  if (first !== undefined) throw new VectorEnvError(failed, (outcomes[first] as PromiseRejectedResult).reason);
  return outcomes.map((outcome) => (outcome as PromiseFulfilledResult<T>).value);
}
