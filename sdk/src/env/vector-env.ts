// Several envs of one kind stepped together, with Gymnasium's three autoreset modes (VectorEnv of Gymnasium 1.x).
import {
  ActionError,
  type ActionLike,
  type AutoresetMode,
  actionsOf,
  checkKeys,
  checkObserve,
  checkReset,
  checkStep,
  copiedTensor,
  type Env,
  type EnvSpec,
  elementCount,
  type FloatTensor,
  floatTensor,
  fork,
  type Info,
  type Observation,
  type Observed,
  OptionError,
  observed,
  ResetNeededError,
  type ResetOptions,
  type ResetResult,
  type StepOptions,
  type StepResult,
  shown,
  stepChunk,
  toActions,
  WorldError,
} from "@worldstep/protocols";
import { batch } from "./batch.js";
import { copied } from "./reset-tensors.js";

export interface VectorEnvOptions {
  /** Default `NextStep`, as in Gymnasium. */
  readonly autoreset?: AutoresetMode;
  /** What all observations are to hold, those of resets too; see `StepOptions`. Default: all. */
  readonly observe?: readonly Observed[];
}

export interface VectorForkOptions extends VectorEnvOptions {
  /** One for each fork: its random numbers are of it. Without them all go on with the env's own. */
  readonly seeds?: readonly number[];
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

/** K ticks of N envs. Numbers of ticks that an env did not make, behind its episode's end, are 0. */
export interface VectorChunkResult {
  /** Each `[N, K, ...]`; of ticks that an env did not make its newest, so that the last is always what to act on. */
  readonly observations: Observation;
  /** `[N, K]`, as are the next three. */
  readonly rewards: Float64Array;
  readonly terminated: Uint8Array;
  readonly truncated: Uint8Array;
  /** 1 where the env made the tick. */
  readonly valid: Uint8Array;
  /** For each env, one for each tick that it made; of an autoreset in `NextStep` the reset's alone. */
  readonly infos: readonly (readonly Info[])[];
}

/** Action blocks for all envs: `[N, stride, A]` as a tensor or flat, or one block for each env. */
export type VectorActionLike = FloatTensor | Float32Array | readonly ActionLike[];

/** Chunks for all envs: `[N, K, stride, A]` as a tensor or flat, or K blocks for each env. */
export type VectorChunkLike = FloatTensor | Float32Array | readonly (readonly ActionLike[])[];

const AUTORESET: readonly AutoresetMode[] = ["NextStep", "SameStep", "Disabled"];

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

/** What one env did in a call: the ticks that it made, and the reset before (`NextStep`) or behind them (`SameStep`). */
interface Turn {
  readonly made: readonly StepResult[];
  readonly begun?: ResetResult;
}

/** Steps one env through its actions. */
type Run = (env: Env, actions: readonly FloatTensor[]) => Promise<readonly StepResult[]>;

// One env, and how far it has come in the vector's step. A step that failed in part is finished by the next call:
// `committed` are the ticks that this env has taken, `turn` is all that it had to do.
interface Row {
  readonly env: Env;
  options: EpisodeOptions;
  observation: Observation | undefined;
  /** Whether it may be stepped: it was reset, or is a fork. */
  begun: boolean;
  ended: boolean;
  committed: { readonly actions: FloatTensor; readonly made: readonly StepResult[] } | undefined;
  turn: Turn | undefined;
}

const BEGUN = { begun: true, ended: false, committed: undefined, turn: undefined };

/**
 * N envs with equal spaces, stepped as one. All N requests are issued at once and awaited together.
 *
 * - `NextStep`: the call after an episode ended ignores that env's action and resets it: reward 0, neither terminated
 *   nor truncated.
 * - `SameStep`: an env that ends is reset in the same call. Its observation and info are the reset's; the info also
 *   holds the last ones as `finalObservation` and `finalInfo`.
 * - `Disabled`: the caller resets, with a mask; to step an env that ended is `reset_needed`, and steps no env.
 *
 * A chunk goes as a step: an env whose episode ends within it makes no tick behind that, whatever its actions, and no tick
 * of the next episode. `NextStep`: the next call resets that env and ignores all its K actions, so that none of its ticks
 * is valid. `SameStep`: it is reset in the same call, and its observations from the last tick on are the new episode's.
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
  readonly #observe: readonly Observed[] | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  /**
   * `size` forks of `env` at its present moment, stepped as one; it needs no reset, but for one with a mask, which wants to
   * show what all envs showed last. Forks without seeds are alike until their actions differ. Throws `OptionError`
   * (`option_vector`), what `fork` throws, and what the constructor throws; none stays open then.
   */
  static async fork(env: Env, size: number, { seeds, ...options }: VectorForkOptions = {}): Promise<VectorEnv> {
    checkOptions(options);
    if (seeds !== undefined && seeds.length !== size) {
      throw new OptionError("option_vector", `${seeds.length} seeds for ${size} forks`, "give one for each");
    }
    const open = (i: number) => fork(env, seeds === undefined ? {} : { seed: seeds[i] as number });
    const vector = await opened(open, size, options);
    for (const row of vector.#rows) row.begun = true;
    return vector;
  }

  /** Takes over `envs`: `close` closes them. Throws `OptionError` (`option_vector`, `option_autoreset`, `option_unknown`). */
  constructor(envs: readonly Env[], options: VectorEnvOptions = {}) {
    checkOptions(options);
    const { autoreset = "NextStep", observe } = options;
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
    this.#observe = observe && [...observe];
    this.#rows = envs.map((env) => ({
      env,
      options: {},
      observation: undefined,
      begun: false,
      ended: false,
      committed: undefined,
      turn: undefined,
    }));
  }

  /** Throws `OptionError` (`option_seed`, `option_vector`, `option_mask`) before any env is reset. */
  async reset(options: VectorResetOptions = {}): Promise<VectorResetResult> {
    const kept = copiedReset(options); // the caller may use its buffers again as soon as this returns
    return this.#inOrder(() => this.#reset(kept));
  }

  /**
   * One tick of every env. Rejects with `action_shape` or, in a `VectorEnvError`, another action error before any env is
   * stepped.
   */
  async step(actions: VectorActionLike, options: StepOptions = {}): Promise<VectorStepResult> {
    // Split now: the caller may use its buffer again as soon as this returns.
    const split = this.#split(actions).map((action) => [action]);
    return this.#inOrder(async () => {
      const asked = this.#asked(options);
      const turns = await this.#step(split, async (env, [action]) => [await env.step(action as ActionLike, asked)]);
      const rows = turns.map(stepped);
      return {
        observations: this.#observations(asked),
        rewards: Float64Array.from(rows, ({ reward }) => reward),
        terminated: Uint8Array.from(rows, ({ terminated }) => Number(terminated)),
        truncated: Uint8Array.from(rows, ({ truncated }) => Number(truncated)),
        infos: rows.map(({ info }) => info),
      };
    });
  }

  /**
   * The next K ticks of every env, denoised jointly where the env does that, K from 1 to `spec.chunk`. Rejects with
   * `action_shape` or, in a `VectorEnvError`, `action_chunk` or another action error before any env is stepped.
   */
  async stepChunk(actions: VectorChunkLike, options: StepOptions = {}): Promise<VectorChunkResult> {
    const split = this.#splitChunks(actions);
    const ticks = split[0]?.length ?? 0;
    return this.#inOrder(async () => {
      const asked = this.#asked(options);
      const turns = await this.#step(split, (env, chunk) => stepChunk(env, chunk, asked));
      const each = turns.flatMap(({ made }) => Array.from({ length: ticks }, (_, k) => made[k]));
      const rows = turns.map(({ made, begun }, i) => {
        const newest = this.#rows[i]?.observation as Observation;
        const last = begun ? made.length - 1 : made.length;
        return batch(
          Array.from({ length: ticks }, (_, k) => (k < last ? (made[k] as StepResult).observation : newest)),
        );
      });
      return {
        observations: observed(this.spec, batch(rows), asked.observe),
        rewards: Float64Array.from(each, (tick) => tick?.reward ?? 0),
        terminated: Uint8Array.from(each, (tick) => Number(tick?.terminated ?? false)),
        truncated: Uint8Array.from(each, (tick) => Number(tick?.truncated ?? false)),
        valid: Uint8Array.from(each, (tick) => Number(tick !== undefined)),
        infos: turns.map((turn) => [...turn.made.slice(0, -1).map(({ info }) => info), stepped(turn).info]),
      };
    });
  }

  /** Closes every env; rejects with the first that could not be. */
  async close(): Promise<void> {
    await closeAll(this.#rows.map(({ env }) => env));
  }

  async #reset({ seed, options = {}, mask }: VectorResetOptions): Promise<VectorResetResult> {
    const seeds = this.#seeds(seed);
    if (Array.isArray(options) && options.length !== this.size) {
      throw new OptionError("option_vector", `${options.length} options for ${this.size} envs`, "give one for each");
    }
    this.#checkMask(mask);
    for (const episode of Array.isArray(options) ? options : [options]) checkReset(this.spec, episode);
    const outcomes = await Promise.allSettled(
      this.#rows.map(async (row, i) => {
        if (mask && !mask[i]) return {};
        const episode: EpisodeOptions = Array.isArray(options) ? options[i] : options;
        const seeded = seeds === undefined ? episode : { ...episode, seed: seeds[i] as number };
        const { observation, info } = await row.env.reset(seeded);
        Object.assign(row, { options: episode, observation, ...BEGUN });
        return info;
      }),
    );
    return { infos: settled(outcomes), observations: this.#observations(this.#asked({})) };
  }

  async #step(actions: readonly (readonly ActionLike[])[], run: Run): Promise<Turn[]> {
    const blocks = this.#rows.map((row, i) => this.#check(row, i, actions[i] as readonly ActionLike[]));
    const outcomes = await Promise.allSettled(
      this.#rows.map(async (row, i) => {
        row.turn ??= await this.#advance(row, blocks[i], run);
        return row.turn;
      }),
    );
    const turns = settled(outcomes);
    for (const [i, row] of this.#rows.entries()) {
      const { made, begun } = turns[i] as Turn;
      const { observation } = begun ?? (made.at(-1) as StepResult);
      Object.assign(row, { observation, ended: !begun && isEnd(made.at(-1)), committed: undefined, turn: undefined });
    }
    return turns;
  }

  // This env's actions `[K, stride, A]`, or undefined where they are ignored.
  #check(row: Row, index: number, actions: readonly ActionLike[]): FloatTensor | undefined {
    if (row.ended && this.autoreset === "NextStep") return undefined;
    if (!row.begun) throw new VectorEnvError([index], new ResetNeededError("never_reset"));
    if (row.ended) throw new VectorEnvError([index], new ResetNeededError("episode_ended"));
    const blocks = this.#toActions(index, actions);
    const taken = row.committed?.actions.data;
    if (taken && !(taken.length === blocks.data.length && taken.every((value, i) => value === blocks.data[i]))) {
      throw new OptionError(
        "option_retry",
        `env ${index} has already taken this tick with another action`,
        "retry with the same actions for the envs that did not fail",
        { env: index },
      );
    }
    return blocks;
  }

  async #advance(row: Row, actions: FloatTensor | undefined, run: Run): Promise<Turn> {
    if (actions === undefined) return { made: [], begun: await row.env.reset(row.options) };
    row.committed ??= { actions, made: await run(row.env, actionsOf(actions)) };
    const { made } = row.committed;
    return this.autoreset === "SameStep" && isEnd(made.at(-1))
      ? { made, begun: await row.env.reset(row.options) }
      : { made };
  }

  #split(actions: VectorActionLike): readonly ActionLike[] {
    const { shape } = this.spec.actionSpace;
    checkObject(actions);
    if (Array.isArray(actions) && actions.length === this.size) return actions.map(copyAction);
    const data = flat(actions as VectorActionLike);
    const got = "shape" in actions ? actions.shape : [actions.length];
    const expected = [this.size, ...shape];
    const sameShape = !("shape" in actions) || String(got) === String(expected);
    if (data?.length !== elementCount(expected) || !sameShape) throw notOfShape(expected, got);
    const count = elementCount(shape);
    return this.#rows.map((_, i) => floatTensor(data.slice(i * count, (i + 1) * count), shape));
  }

  #splitChunks(actions: VectorChunkLike): readonly (readonly ActionLike[])[] {
    const { shape } = this.spec.actionSpace;
    const { size } = this;
    checkObject(actions);
    const data = flat(actions as VectorChunkLike);
    if (data === undefined) {
      const chunks = actions as readonly (readonly ActionLike[])[];
      const lengths = Array.from(chunks, (chunk) => (Array.isArray(chunk) ? chunk.length : 0));
      if (chunks.every(Array.isArray) && lengths.length === size && lengths.every((length) => length === lengths[0])) {
        return chunks.map((chunk) => chunk.map(copyAction));
      }
      throw notOfShape([size, "K", ...shape], lengths);
    }
    const count = elementCount(shape);
    const ticks = data.length / (size * count);
    const got = "shape" in actions ? actions.shape : [actions.length];
    const sameShape = !("shape" in actions) || String(got) === String([size, ticks, ...shape]);
    if (!Number.isInteger(ticks) || !sameShape) throw notOfShape([size, "K", ...shape], got);
    const block = (at: number) => floatTensor(data.slice(at * count, (at + 1) * count), shape);
    return this.#rows.map((_, i) => Array.from({ length: ticks }, (_, k) => block(i * ticks + k)));
  }

  #toActions(index: number, actions: readonly ActionLike[]): FloatTensor {
    try {
      return toActions(this.spec.actionSpace, actions, this.spec.chunk);
    } catch (error) {
      throw new VectorEnvError([index], error);
    }
  }

  #seeds(seed: number | readonly number[] | undefined): readonly number[] | undefined {
    if (seed === undefined) return undefined;
    const seeds = typeof seed === "number" ? this.#rows.map((_, i) => seed + i) : seed;
    const isSeed = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
    if (!(Array.isArray(seeds) && seeds.length === this.size && seeds.every(isSeed))) {
      throw new OptionError("option_seed", `bad seeds [${shown(seeds)}]`, "give a whole number >= 0 for each env");
    }
    return seeds;
  }

  #checkMask(mask: readonly boolean[] | undefined): void {
    if (mask === undefined) return;
    if (!(Array.isArray(mask) && mask.length === this.size && mask.includes(true))) {
      throw new OptionError(
        "option_mask",
        `a mask that is [${shown(mask)}], for ${this.size} envs`,
        "give one boolean for each env, at least one of them true",
      );
    }
    const unseen = this.#rows.findIndex((row, i) => !mask[i] && row.observation === undefined);
    if (unseen >= 0) throw new VectorEnvError([unseen], new ResetNeededError("never_reset"));
  }

  // What all rows have: a row that was just reset shows more than one whose step asked for less.
  #observations({ observe }: StepOptions): Observation {
    const rows = this.#rows.map(({ observation }) => observation as Observation);
    return observed(this.spec, batch(rows), observe);
  }

  #asked(options: StepOptions): StepOptions {
    checkStep(this.spec, options);
    return this.#observe ? { observe: this.#observe, ...options } : options;
  }

  #inOrder<T>(call: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(call);
    this.#queue = result.catch(() => undefined);
    return result;
  }
}

/**
 * A vector of `size` envs from `open`, opened at once. If one can't be opened, none stays open, and that is the error.
 * Throws also what the constructor throws.
 */
export async function openVector(
  open: () => Promise<Env>,
  size: number,
  options?: VectorEnvOptions,
): Promise<VectorEnv> {
  checkOptions(options);
  return opened(open, size, options);
}

async function opened(open: (i: number) => Promise<Env>, size: number, options?: VectorEnvOptions): Promise<VectorEnv> {
  const outcomes = await Promise.allSettled(Array.from({ length: size }, (_, i) => open(i)));
  const envs = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed === undefined) return new VectorEnv(envs, options);
  await closeAll(envs).catch(() => undefined); // the first error is the one to tell
  throw failed.reason;
}

function checkOptions(options: VectorEnvOptions = {}): void {
  checkKeys("VectorEnv", options, ["autoreset", "observe"]);
  const { autoreset, observe } = options;
  if (observe !== undefined) checkObserve(observe);
  if (autoreset === undefined || AUTORESET.includes(autoreset)) return;
  const remedy = `use one of ${AUTORESET.join(", ")}`;
  throw new OptionError("option_autoreset", `no autoreset mode ${String(autoreset)}`, remedy, { modes: AUTORESET });
}

// All are closed, or have been tried, when it returns or throws.
async function closeAll(envs: readonly Env[]): Promise<void> {
  const outcomes = await Promise.allSettled(envs.map((env) => env.close()));
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed) throw failed.reason;
}

function isEnd(result: StepResult | undefined): boolean {
  return result !== undefined && (result.terminated || result.truncated);
}

// A turn of one tick, or its last one, as Gymnasium tells it.
function stepped({ made, begun }: Turn): StepResult {
  const last = made.at(-1);
  if (begun === undefined) return last as StepResult;
  if (last === undefined) return { ...begun, reward: 0, terminated: false, truncated: false };
  const info = { ...begun.info, finalObservation: last.observation, finalInfo: last.info };
  return { ...last, observation: begun.observation, info };
}

function flat(actions: FloatTensor | Float32Array | readonly unknown[]): Float32Array | undefined {
  if (actions instanceof Float32Array) return actions;
  return "data" in actions ? actions.data : undefined;
}

function checkObject(actions: unknown): void {
  if (typeof actions === "object" && actions !== null) return;
  const summary = `expected the actions of all envs, got ${shown(actions)}`;
  throw new ActionError("action_shape", summary, "send one action block for each env, of a chunk one for each tick");
}

function notOfShape(expected: readonly (number | string)[], got: readonly number[]): ActionError {
  return new ActionError(
    "action_shape",
    `expected actions of shape [${expected.join(", ")}], got [${got.join(", ")}]`,
    "send one action block for each env, of a chunk one for each tick",
    { expected, got },
  );
}

function spaces({ observationSpace, actionSpace }: EnvSpec): string {
  return JSON.stringify([observationSpace, actionSpace]);
}

function copiedReset(asked: VectorResetOptions): VectorResetOptions {
  checkKeys("reset", asked, ["seed", "options", "mask"]);
  const { seed, options, mask } = asked;
  const list = <T>(value: T): T => (Array.isArray(value) ? ([...value] as T) : value);
  const episodes = Array.isArray(options) ? options.map(copied) : copied(options as EpisodeOptions);
  return {
    ...(seed !== undefined && { seed: list(seed) }),
    ...(options !== undefined && { options: episodes }),
    ...(mask !== undefined && { mask: list(mask) }),
  };
}

function copyAction(action: ActionLike): ActionLike {
  if (action instanceof Float32Array) return action.slice();
  if (!Array.isArray(action)) return copiedTensor(action);
  return action.map((row: number | readonly number[]) => (Array.isArray(row) ? [...row] : row)) as ActionLike;
}

// All values, or one error that names every env that failed.
function settled<T>(outcomes: readonly PromiseSettledResult<T>[]): T[] {
  const failed = outcomes.flatMap(({ status }, i) => (status === "rejected" ? [i] : []));
  const [first] = failed;
  if (first !== undefined) throw new VectorEnvError(failed, (outcomes[first] as PromiseRejectedResult).reason);
  return outcomes.map((outcome) => (outcome as PromiseFulfilledResult<T>).value);
}
