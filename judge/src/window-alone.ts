// A world that knows only what it showed of late: what it would be if its window were all its memory.
import {
  type ActionLike,
  actionsOf,
  attempt,
  byteTensor,
  type CallOptions,
  checkStep,
  copiedSnapshot,
  type Env,
  type FloatTensor,
  type ForkOptions,
  floatTensor,
  type Observation,
  observed,
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
  toActions,
  unpackSnapshot,
} from "@worldstep/protocols";
import { Wrapper } from "@worldstep/sdk";

/** What a tick was moved by, and what it showed. */
interface Shown {
  readonly action: Float32Array;
  readonly observation: Observation;
}

/** An episode, and what of it is known. A value, so that a call that fails leaves it as it was. */
interface Running {
  readonly options: Pick<ResetOptions, "seed" | "task">;
  readonly maxTicks: number;
  readonly ticks: number;
  readonly ended: boolean;
  /** What was shown before `shown`. */
  readonly before: Observation;
  readonly shown: readonly Shown[];
}

/**
 * `env`, which takes frames, begun anew before every call from the last `window` ticks that it showed, their actions and
 * where the robot is: nothing older than these pictures is left in it. Like a model that is fed its own frames, it sees its
 * own faults.
 */
export class WindowAlone extends Wrapper {
  #running: Running | undefined;

  constructor(
    env: Env,
    readonly window: number,
  ) {
    super(env);
  }

  override reset(options: ResetOptions = {}): Promise<ResetResult> {
    return this.inOrder(async () => {
      const result = await super.reset(options);
      const [first] = this.spec.tasks;
      const { seed, task = first, maxTicks = task === first ? 0 : this.spec.maxTicks } = options;
      const kept = { ...(seed !== undefined && { seed }), ...(task !== undefined && { task }) };
      this.#running = { options: kept, maxTicks, ticks: 0, ended: false, before: result.observation, shown: [] };
      return result;
    });
  }

  override async step(action: ActionLike, options?: StepOptions): Promise<StepResult> {
    const [result] = await this.stepChunk([action], options);
    return result as StepResult;
  }

  override async stepChunk(actions: readonly ActionLike[], options: StepOptions = {}): Promise<StepResult[]> {
    const blocks = actionsOf(toActions(this.spec.actionSpace, actions, this.spec.chunk));
    return this.inOrder(async () => {
      let running = this.#running;
      if (!running) throw new ResetNeededError("never_reset");
      if (running.ended) throw new ResetNeededError("episode_ended");
      checkStep(this.spec, options);
      const { seed } = running.options;
      // Noise is keyed by seed and tick, and the ticks are always as many: each call has a seed of its own.
      const own = seed === undefined ? {} : { seed: seed + running.ticks };
      await super.reset({ ...running.options, maxTicks: 0, ...this.#seen(running), ...own });
      const results: StepResult[] = [];
      // It goes on from frames, also where nobody else wants them.
      const { observe, ...rest } = options;
      for (const [k, made] of (await super.stepChunk(blocks, rest)).entries()) {
        running = this.#after(running, (blocks[k] as FloatTensor).data, made);
        const truncated = !made.terminated && running.ended;
        const observation = observed(this.spec, made.observation, observe);
        results.push({ ...made, observation, truncated, info: { ...made.info, tick: running.ticks } });
        if (running.ended) break;
      }
      this.#running = running;
      return results;
    });
  }

  override predict(actions: FloatTensor): Promise<Predicted> {
    return this.inOrder(() => super.predict(actions));
  }

  override plan(options?: PlanOptions, call?: CallOptions): Promise<Planned> {
    return this.inOrder(() => super.plan(options, call));
  }

  override fork(options: ForkOptions = {}): Promise<Env> {
    return this.inOrder(async () => {
      const fork = (await super.fork(options)) as WindowAlone;
      const { seed } = options;
      // Every call begins the env within anew, with the seed that is kept here.
      if (fork.#running && seed !== undefined) {
        fork.#running = { ...fork.#running, options: { ...fork.#running.options, seed } };
      }
      return fork;
    });
  }

  protected override around(env: Env): WindowAlone {
    const fork = new WindowAlone(env, this.window);
    fork.#running = this.#running;
    return fork;
  }

  override snapshot(): Promise<Uint8Array> {
    return this.inOrder(async () => {
      const inner = await super.snapshot();
      const running = this.#running;
      if (!running) throw new ResetNeededError("never_reset", "snapshot");
      const { ticks: tick, ended } = running;
      return packSnapshot({ ...this.#origin, tick, ended, state: { inner, running } });
    });
  }

  override restore(bytes: Uint8Array): Promise<void> {
    const taken = attempt(() => copiedSnapshot(bytes));
    return this.inOrder(async () => {
      const { inner, running } = unpackSnapshot(taken(), this.#origin).state as { inner: Uint8Array; running: Running };
      await super.restore(inner);
      this.#running = running;
    });
  }

  get #origin(): SnapshotOrigin {
    return { world: `a window of ${this.window} alone`, backend: "none", layout: 1 };
  }

  #after(running: Running, action: Float32Array, { observation, terminated }: StepResult): Running {
    const shown = [...running.shown, { action, observation }];
    const left = shown.length > this.window ? shown.shift() : undefined;
    const ticks = running.ticks + 1;
    const ended = terminated || ticks === running.maxTicks;
    return { ...running, shown, ticks, ended, before: left?.observation ?? running.before };
  }

  // The window as the start of an episode: one frame, then whole ticks.
  #seen({ before, shown }: Running): Pick<ResetOptions, "frames" | "actions" | "proprioception"> {
    const { proprioception } = shown.at(-1)?.observation ?? before;
    const [stride = 1, ...frame] = before.frames.shape;
    const first = before.frames.data.subarray((1 - 1 / stride) * before.frames.data.length);
    const frames = Buffer.concat([first, ...shown.map(({ observation }) => observation.frames.data)]);
    const actions = new Float32Array(shown.flatMap(({ action }) => [...action]));
    return {
      frames: byteTensor(new Uint8Array(frames), [1 + stride * shown.length, ...frame]),
      proprioception,
      ...(shown.length > 0 && { actions: floatTensor(actions, [shown.length, ...this.spec.actionSpace.shape]) }),
    };
  }
}
