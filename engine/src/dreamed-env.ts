// A dreamed world as an `Env`: episodes, tasks, seeds and limits around the world model.
import {
  type ActionLike,
  actionsOf,
  attempt,
  byteTensor,
  type CallOptions,
  checkFork,
  checkLike,
  checkPlan,
  checkPredict,
  checkReset,
  checkStep,
  copiedPlan,
  copiedSnapshot,
  type Env,
  type EnvSpec,
  type FloatTensor,
  type ForkOptions,
  floatTensor,
  type Info,
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
  signalOf,
  toActions,
  unpackSnapshot,
  WorldError,
} from "@worldstep/protocols";
import type { Episode, Moment, Start, Tick } from "./episode.js";
import { Lane } from "./lane.js";
import { drawStart, nextSeed } from "./philox.js";
import { planFrom, predictedFrom } from "./plan.js";
import { startFrom } from "./start-frames.js";
import { labelOf } from "./world/schema.js";
import type { StartState, World } from "./world/world.js";
import type { WorldModel } from "./world-model.js";

/** An episode as its player knows it. A value: a call that fails leaves it as it was. */
interface Running {
  readonly episode: Episode;
  readonly task: string;
  readonly maxTicks: number;
  /** Steps since the reset. */
  readonly tick: number;
  readonly ended: boolean;
}

/** All that an env goes on from. */
interface Kept {
  readonly running: Running;
  /** Of the newest episode: what resets without a seed go on from. */
  readonly lastSeed: number;
}

/** Of `Kept`: another with any change of its structure, which goes down to the backend's values. */
const LAYOUT = 2;

export class DreamedEnv implements Env {
  readonly #lane = new Lane();
  #running: Running | undefined;
  #lastSeed: number | undefined;
  #closed = false;
  readonly #end = new AbortController();

  constructor(
    readonly spec: EnvSpec,
    readonly model: WorldModel,
    readonly world: Pick<World, "hash" | "starts">,
  ) {}

  reset(options: ResetOptions = {}): Promise<ResetResult> {
    const taken = attempt(() => {
      checkReset(this.spec, options);
      return { ...options, from: startFrom(this.spec, options) };
    });
    return this.#lane.run(async () => {
      this.#checkOpen();
      const options = taken();
      const seed = options.seed ?? (this.#lastSeed === undefined ? randomSeed() : nextSeed(this.#lastSeed));
      const start = options.from ?? this.#start(options.start, seed);
      const { episode, tick } = await this.model.reset(start, seed);
      const task = options.task ?? (this.spec.tasks[0] as string);
      const usual = task === this.spec.tasks[0] ? 0 : this.spec.maxTicks; // the first task never ends
      const running = { episode, task, maxTicks: options.maxTicks ?? usual, tick: 0, ended: false };
      const result = { observation: this.#observation(tick), info: { ...this.#info(running, tick), seed } };
      this.#running = running;
      this.#lastSeed = seed;
      return result;
    });
  }

  async step(action: ActionLike, options: StepOptions = {}): Promise<StepResult> {
    const [result] = await this.stepChunk([action], options);
    return result as StepResult;
  }

  stepChunk(actions: readonly ActionLike[], options: StepOptions = {}): Promise<StepResult[]> {
    const taken = attempt(() => {
      const blocks = actionsOf(toActions(this.spec.actionSpace, actions, this.spec.chunk)).map(({ data }) => data);
      const nfe = checkStep(this.spec, options) ?? 1;
      const observe = options.observe && [...options.observe];
      return { blocks, nfe, observe };
    });
    return this.#lane.run(async () => {
      this.#checkOpen();
      let running = this.#running;
      if (!running) throw new ResetNeededError("never_reset");
      if (running.ended) throw new ResetNeededError("episode_ended");
      const { blocks, nfe, observe } = taken();
      const asked = { frames: observe?.includes("frames") ?? true };
      const results: StepResult[] = [];
      // The whole chunk is denoised, also where the episode ends within it: else its first ticks would be others.
      for await (const moment of this.model.step(running.episode, blocks, nfe, asked)) {
        const [result, next] = this.#stepped(running, moment);
        results.push({ ...result, observation: observed(this.spec, result.observation, observe) });
        running = next;
        if (running.ended) break;
      }
      this.#running = running;
      return results;
    });
  }

  fork(options: ForkOptions = {}): Promise<DreamedEnv> {
    const taken = attempt(() => {
      checkFork(options);
      return options.seed;
    });
    return this.#lane.run(async () => {
      const { running, lastSeed } = this.#kept("fork");
      const seed = taken();
      const fork = new DreamedEnv(this.spec, this.model, this.world);
      fork.#running = seed === undefined ? running : { ...running, episode: { ...running.episode, seed } };
      fork.#lastSeed = seed ?? lastSeed;
      return fork;
    });
  }

  snapshot(): Promise<Uint8Array> {
    return this.#lane.run(async () => {
      const state = this.#kept("snapshot");
      const { tick, ended } = state.running;
      return packSnapshot({ ...this.#origin, tick, ended, state });
    });
  }

  restore(snapshot: Uint8Array): Promise<void> {
    const taken = attempt(() => copiedSnapshot(snapshot));
    return this.#lane.run(async () => {
      this.#checkOpen();
      const { state } = unpackSnapshot(taken(), this.#origin);
      checkLike(state, { running: this.#running ?? (await this.#anyRunning()), lastSeed: 0 });
      const { running, lastSeed } = state as Kept;
      this.#running = running;
      this.#lastSeed = lastSeed;
    });
  }

  predict(actions: FloatTensor): Promise<Predicted> {
    const taken = attempt(() => {
      checkPredict(this.spec, actions);
      return { data: actions.data.slice(), shape: [...actions.shape] };
    });
    return this.#lane.run(async () => {
      const { episode } = this.#kept("predict").running;
      const { data, shape } = taken();
      return predictedFrom(this.model, episode, data, shape);
    });
  }

  plan(options: PlanOptions = {}, call: CallOptions = {}): Promise<Planned> {
    const taken = attempt(() => ({ asked: copiedPlan(options), signal: signalOf("plan", call) }));
    return this.#lane.run(async () => {
      const { running } = this.#kept("plan");
      const { asked, signal } = taken();
      const stop = AbortSignal.any([this.#end.signal, ...(signal ? [signal] : [])]);
      return planFrom(this.model, this.spec, running.episode, checkPlan(this.spec, asked, running.task), stop);
    });
  }

  get #origin(): SnapshotOrigin {
    return { world: this.world.hash, backend: this.model.networks.kind, layout: LAYOUT };
  }

  #kept(call: string): Kept {
    this.#checkOpen();
    if (!this.#running || this.#lastSeed === undefined) throw new ResetNeededError("never_reset", call);
    return { running: this.#running, lastSeed: this.#lastSeed };
  }

  // Something of the structure that a snapshot must have: what the backend's values are built like, only it knows.
  async #anyRunning(): Promise<Running> {
    const { episode } = await this.model.reset(this.#start(undefined, 0), 0);
    return { episode, task: "", maxTicks: 0, tick: 0, ended: false };
  }

  /** Stops a plan that runs, and waits for all else that was called before it. */
  close(): Promise<void> {
    this.#end.abort(closedError());
    return this.#lane.run(async () => {
      this.#closed = true;
      this.#running = undefined;
    });
  }

  #stepped(before: Running, { episode, tick: shown }: Moment): [StepResult, Running] {
    const tick = before.tick + 1;
    const info = this.#info({ ...before, tick }, shown);
    const terminated = info.success;
    const truncated = !terminated && tick === before.maxTicks;
    const reward = shown.reward[this.#head(before.task)] ?? 0;
    const result = { observation: this.#observation(shown), reward, terminated, truncated, info };
    return [result, { ...before, episode, tick, ended: terminated || truncated }];
  }

  #start(name: string | undefined, seed: number): Start {
    const { starts } = this.spec;
    const chosen = name ?? (starts[drawStart(seed, starts.length)] as string);
    return { ...(this.world.starts.get(chosen) as StartState), actions: [] };
  }

  #observation({ frames, proprioception }: Tick): Observation {
    const { frames: pixels, proprioception: pose } = this.spec.observationSpace.spaces;
    const shown = { proprioception: floatTensor(proprioception, pose?.shape ?? []) };
    return (frames ? { frames: byteTensor(frames, pixels?.shape ?? []), ...shown } : shown) as Observation;
  }

  #info({ tick, task }: Running, read: Tick): Info & { readonly success: boolean } {
    const successProbability = read.success[this.#head(task)] ?? 0;
    const named = (values: Float32Array) => Object.fromEntries([...values].map((x, i) => [this.spec.tasks[i + 1], x]));
    const tasks = { rewards: named(read.reward), successProbabilities: named(read.success) };
    const { channels, proprioception } = this.model.manifest.state;
    const names = channels.slice(proprioception).map(labelOf);
    const environmentState = Object.fromEntries(names.map((name, i) => [name, read.environmentState[i]]));
    return {
      tick,
      task,
      success: successProbability > 0.5,
      successProbability,
      ...tasks,
      ...(names.length > 0 && { environmentState }),
      expert: read.expert,
      ...(read.uncertainty !== undefined && { uncertainty: read.uncertainty }),
    };
  }

  // The place of a task in the heads; -1 for the first, which has none.
  #head(task: string): number {
    return this.spec.tasks.indexOf(task) - 1;
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError();
  }
}

function closedError(): WorldError {
  return new WorldError("env_closed", "the env is closed", "open another one");
}

function randomSeed(): number {
  const [low = 0, high = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (high % 2 ** 21) * 2 ** 32 + low;
}
