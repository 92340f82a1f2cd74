// Keeps the episodes of an env as plain arrays, to be saved, compared or replayed.
import {
  type ActionLike,
  actionsOf,
  attempt,
  type CallOptions,
  copiedSnapshot,
  copiedTensor,
  type Env,
  type FloatTensor,
  type ForkOptions,
  type Info,
  type Observation,
  type Planned,
  type PlanOptions,
  type Predicted,
  packSnapshot,
  ResetNeededError,
  type ResetOptions,
  type ResetResult,
  type SnapshotOrigin,
  type StepOptions,
  type StepResult,
  snapshotPosition,
  toAction,
  toActions,
  unpackSnapshot,
} from "@worldstep/protocols";
import { copied } from "./reset-tensors.js";
import { Wrapper } from "./wrapper.js";

/** One episode of T ticks. */
export interface Episode {
  readonly options: ResetOptions;
  /** T + 1: the reset's, then one for each tick; of a step that observes a part of it, that part. */
  readonly observations: readonly Observation[];
  /** T + 1, as the observations. */
  readonly infos: readonly Info[];
  /** T blocks, each float32 `[stride, A]`. */
  readonly actions: readonly FloatTensor[];
  /** T. */
  readonly rewards: readonly number[];
  readonly terminated: boolean;
  readonly truncated: boolean;
}

/** An env that is being recorded. */
export interface RecordedEnv extends Env {
  /** All episodes so far, the one under way included. */
  readonly episodes: readonly Episode[];
  /** Its recording begins with a copy of the episode under way. */
  fork(options?: ForkOptions): Promise<RecordedEnv>;
  /** With the episode under way, its frames included. */
  snapshot(): Promise<Uint8Array>;
  /** The episode up to there is recorded as another one, and goes on. */
  restore(snapshot: Uint8Array): Promise<void>;
}

/**
 * `env`, whose successful resets and steps are kept in memory. Calls must go through what this returns: a step before the
 * first reset of it is `reset_needed`, whatever was done with `env` before, for nobody knows how that episode began. It keeps
 * what each step shows: frames that a step does not observe are not made, and stay missing.
 */
export function record(env: Env): RecordedEnv {
  return new Recorder(env);
}

// An episode that may still grow.
interface Growing extends Episode {
  readonly observations: Observation[];
  readonly infos: Info[];
  readonly actions: FloatTensor[];
  readonly rewards: number[];
  terminated: boolean;
  truncated: boolean;
}

/** What a recording's snapshot is of; the env's own is in it. */
const ORIGIN: SnapshotOrigin = { world: "a recording", backend: "none", layout: 1 };

class Recorder extends Wrapper implements RecordedEnv {
  readonly episodes: Growing[] = [];

  override async reset(options: ResetOptions = {}): Promise<ResetResult> {
    const kept = copied(options); // the caller may use its buffers again as soon as this returns
    return this.inOrder(async () => {
      const result = await this.env.reset(kept);
      const { observation, info } = result;
      const empty = { actions: [], rewards: [], terminated: false, truncated: false };
      this.episodes.push({ options: kept, observations: [observation], infos: [info], ...empty });
      return result;
    });
  }

  override async step(action: ActionLike, options?: StepOptions): Promise<StepResult> {
    const block = toAction(this.spec.actionSpace, action);
    return this.inOrder(async () => {
      const episode = this.#episode();
      const result = await this.env.step(block, options);
      keep(episode, [block], [result]);
      return result;
    });
  }

  override async stepChunk(actions: readonly ActionLike[], options?: StepOptions): Promise<StepResult[]> {
    const blocks = actionsOf(toActions(this.spec.actionSpace, actions, this.spec.chunk));
    return this.inOrder(async () => {
      const episode = this.#episode();
      const results = await super.stepChunk(blocks, options);
      keep(episode, blocks, results);
      return results;
    });
  }

  override predict(actions: FloatTensor): Promise<Predicted> {
    const kept = copiedTensor(actions);
    return this.inOrder(() => super.predict(kept));
  }

  override plan(options?: PlanOptions, call?: CallOptions): Promise<Planned> {
    return this.inOrder(() => super.plan(options, call));
  }

  override fork(options?: ForkOptions): Promise<RecordedEnv> {
    return this.inOrder(async () => (await super.fork(options)) as Recorder);
  }

  protected override around(env: Env): Recorder {
    const fork = new Recorder(env);
    const episode = this.episodes.at(-1);
    if (episode) fork.episodes.push(copiedEpisode(episode));
    return fork;
  }

  override snapshot(): Promise<Uint8Array> {
    return this.inOrder(async () => {
      const inner = await super.snapshot();
      return packSnapshot({ ...ORIGIN, ...snapshotPosition(inner), state: { inner, episode: this.#episode() } });
    });
  }

  override restore(bytes: Uint8Array): Promise<void> {
    const taken = attempt(() => copiedSnapshot(bytes));
    return this.inOrder(async () => {
      const { inner, episode } = unpackSnapshot(taken(), ORIGIN).state as { inner: Uint8Array; episode: Growing };
      await super.restore(inner);
      this.episodes.push(episode);
    });
  }

  #episode(): Growing {
    const episode = this.episodes.at(-1);
    if (!episode) throw new ResetNeededError("never_reset");
    return episode;
  }
}

function copiedEpisode({ observations, infos, actions, rewards, ...rest }: Growing): Growing {
  return {
    ...rest,
    observations: [...observations],
    infos: [...infos],
    actions: [...actions],
    rewards: [...rewards],
  };
}

// Of a chunk those actions that made a tick before the episode's end.
function keep(episode: Growing, blocks: readonly FloatTensor[], results: readonly StepResult[]): void {
  for (const [k, { observation, reward, terminated, truncated, info }] of results.entries()) {
    episode.actions.push(blocks[k] as FloatTensor);
    episode.observations.push(observation);
    episode.infos.push(info);
    episode.rewards.push(reward);
    Object.assign(episode, { terminated, truncated });
  }
}
