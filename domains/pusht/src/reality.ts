// gym-pusht as an `Env`: it shows, takes and tells what a world of it does, corners of the T included.
import {
  type ActionLike,
  byteTensor,
  type Channel,
  checkFork,
  checkReset,
  checkStep,
  type Env,
  type EnvSpec,
  type ForkOptions,
  floatTensor,
  type Info,
  type Observation,
  OptionError,
  observed,
  ResetNeededError,
  type ResetOptions,
  type ResetResult,
  type StepOptions,
  type StepResult,
  stateChannel,
  toAction,
  unscale,
} from "@worldstep/protocols";
import { Random } from "@worldstep/sdk";
import { type Answer, Python } from "./python.js";

export const STRIDE = 2;
/** Pixels along each side of a frame, if nothing else is asked for: those of the world that ships. */
export const SIZE = 64;
/** gym-pusht's own limit: 300 control steps. */
export const MAX_TICKS = 150;
/** The share of the goal that the T must cover. */
export const SUCCESS = 0.95;
export const TASK = "task";

const PX = "px of 512";
const PROPRIOCEPTION = ["x", "y"].map((axis) => `${axis} (${PX})`);
/** Of the T, as gym-pusht lists them: x and y of each of the eight. */
export const CORNERS = Array.from({ length: 8 }, (_, i) =>
  ["x", "y"].map((axis) => `${axis} of corner ${i} (${PX})`),
).flat();
const ACTION = ["to x", "to y"].map((name): Channel => ({ name, unit: PX, low: 0, high: 511, kind: "absolute" }));

/** After a control step. Pixels of 512. */
export interface Moment {
  /** x and y. */
  readonly agent: readonly number[];
  /** As `CORNERS`. */
  readonly corners: readonly number[];
  /** Of the goal by the T, in [0, 1]. */
  readonly coverage: number;
}

export interface PushTOptions {
  /** Pixels along each side of a frame. */
  readonly size: number;
  /** Whether it draws every frame of a tick, or the newest alone, which then stands for all. */
  readonly filmed: boolean;
  /** What actions mean, where that is not all of the table: a world's are as far as its logs went. */
  readonly action?: readonly Channel[];
}

/** What is in the present episode. */
interface Episode {
  readonly task: string;
  readonly maxTicks: number;
  readonly tick: number;
  readonly ended: boolean;
  readonly success: boolean;
  /** Of the last tick, newest last; after a reset the start alone. */
  readonly trace: readonly Moment[];
}

/** gym-pusht. Its starts are those of `record.py`, by seeds that no log has. */
export class PushT implements Env {
  readonly spec: EnvSpec;
  readonly #name: number;
  #seeds = new Random(Math.floor(Math.random() * 2 ** 53), "seeds");
  #episode: Episode | undefined;
  #closed = false;
  #last: Promise<unknown> = Promise.resolve();

  /** Throws `OptionError` (`python_missing`). */
  static async open(options: PushTOptions): Promise<PushT> {
    return new PushT(await Python.open(), options);
  }

  private constructor(
    /** Where it runs, and where one may ask other things of Push-T. */
    readonly python: Python,
    readonly options: PushTOptions,
  ) {
    this.spec = pushtSpec(options.size, options.action);
    this.#name = python.name();
  }

  async reset(options: ResetOptions = {}): Promise<ResetResult> {
    this.#checkOpen();
    checkReset(this.spec, options);
    return this.#inTurn(async () => {
      if (options.seed !== undefined) this.#seeds = new Random(options.seed, "seeds");
      const seed = options.seed ?? this.#seeds.uint32();
      const { size } = this.options;
      const answer = await this.python.ask("reset", { reality: this.#name, seed, size });
      const task = options.task ?? (this.spec.tasks[0] as string);
      const maxTicks = options.maxTicks ?? (task === TASK ? MAX_TICKS : 0);
      this.#episode = { task, maxTicks, tick: 0, ended: false, success: false, trace: momentsOf(answer) };
      const info = { ...this.#info(), seed };
      return { observation: this.#observation(answer.frames), info };
    });
  }

  async step(action: ActionLike, options: StepOptions = {}): Promise<StepResult> {
    this.#checkOpen();
    checkStep(this.spec, options);
    const targets = unscale(this.spec, toAction(this.spec.actionSpace, action)); // before the caller uses it again
    return this.#inTurn(async () => {
      const episode = this.#present();
      if (episode.ended) throw new ResetNeededError("episode_ended");
      const rows = Array.from({ length: STRIDE }, (_, row) => [...targets.subarray(2 * row, 2 * row + 2)]);
      const isSeen = options.observe?.includes("frames") ?? true;
      const filmed = rows.map((_, row) => isSeen && (this.options.filmed || row === STRIDE - 1));
      const { size } = this.options;
      const answer = await this.python.ask("step", { reality: this.#name, rows, filmed, size });
      const trace = momentsOf(answer);
      const tick = episode.tick + 1;
      const success = episode.success || isDone(trace);
      const terminated = success && episode.task === TASK;
      const truncated = !terminated && tick === episode.maxTicks;
      this.#episode = { ...episode, tick, success, trace, ended: terminated || truncated };
      const reward = episode.task === TASK ? rewardOf(trace) : 0;
      const observation = observed(this.spec, this.#observation(answer.frames), options.observe);
      return { observation, reward, terminated, truncated, info: this.#info() };
    });
  }

  async fork(options: ForkOptions = {}): Promise<PushT> {
    this.#checkOpen();
    checkFork(options);
    return this.#inTurn(async () => {
      const episode = this.#present("fork");
      const fork = await PushT.open(this.options);
      await this.python.ask("fork", { reality: fork.#name, of: this.#name });
      fork.#episode = episode;
      if (options.seed === undefined) fork.#seeds.state = this.#seeds.state;
      else fork.#seeds = new Random(options.seed, "seeds");
      return fork;
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#last;
    await this.python.forget([this.#name]);
    this.python.close();
  }

  /** The last tick's control steps, newest last; after a reset the start. Throws `ResetNeededError`. */
  get trace(): readonly Moment[] {
    return this.#present().trace;
  }

  // One call after another: the next begins where this one ends.
  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(run);
    this.#last = turn.catch(() => {});
    return turn;
  }

  #present(call?: string): Episode {
    if (!this.#episode) throw new ResetNeededError("never_reset", call);
    return this.#episode;
  }

  #checkOpen(): void {
    if (this.#closed) throw new OptionError("env_closed", "gym-pusht is closed", "open another one");
  }

  // Of `frames` the newest stands for those that are not there.
  #observation(frames: Uint8Array): Observation {
    const { size } = this.options;
    const bytes = size * size * 3;
    const tick = new Uint8Array(STRIDE * bytes);
    if (frames.length > 0) for (let row = 0; row < STRIDE; row++) tick.set(frames.subarray(-bytes), row * bytes);
    if (frames.length === tick.length) tick.set(frames);
    const { agent } = this.#present().trace.at(-1) as Moment;
    return {
      frames: byteTensor(tick, [STRIDE, size, size, 3]),
      proprioception: floatTensor(Float32Array.from(agent), [agent.length]),
    };
  }

  // Of the task too when nobody asked for it, and where the T is, as a dreamed world tells.
  #info(): Info {
    const { tick, task, success, trace } = this.#present();
    const { corners } = trace.at(-1) as Moment;
    return {
      tick,
      task,
      success: success && task === TASK,
      rewards: { [TASK]: tick === 0 ? 0 : rewardOf(trace) },
      successProbabilities: { [TASK]: Number(isDone(trace)) },
      environmentState: Object.fromEntries(CORNERS.map((name, i) => [name, corners[i]])),
    };
  }
}

/** Where an env says that the corners of the T are, as `CORNERS`. */
export function cornersIn({ environmentState }: Info): number[] {
  return CORNERS.map((name) => (environmentState as Readonly<Record<string, number>>)[name] as number);
}

/** gym-pusht's reward, summed over control steps: the coverage, as a share of what it calls a success. */
export function rewardOf(trace: readonly Moment[]): number {
  return trace.reduce((sum, { coverage }) => sum + Math.min(1, coverage / SUCCESS), 0);
}

/** Whether some control step was gym-pusht's success. */
export function isDone(trace: readonly Moment[]): boolean {
  return trace.some(({ coverage }) => coverage > SUCCESS);
}

function momentsOf({ said }: Answer): Moment[] {
  return (said.moments as number[][]).map((numbers) => ({
    agent: numbers.slice(0, 2),
    corners: numbers.slice(2, -1),
    coverage: numbers.at(-1) as number,
  }));
}

export function pushtSpec(size: number, action: readonly Channel[] = ACTION): EnvSpec {
  const frames = { type: "box", dtype: "uint8", shape: [STRIDE, size, size, 3], low: 0, high: 255 } as const;
  const proprioception = { type: "box", dtype: "float32", shape: [PROPRIOCEPTION.length], low: 0, high: 512 } as const;
  return {
    id: "gym-pusht",
    fps: 10,
    stride: STRIDE,
    observationSpace: { type: "dict", spaces: { frames, proprioception } },
    actionSpace: { type: "box", dtype: "float32", shape: [STRIDE, action.length], low: -1, high: 1 },
    action,
    proprioception: PROPRIOCEPTION,
    cameras: [{ name: "camera", key: "frames", height: size, width: size }],
    state: [...PROPRIOCEPTION, ...CORNERS].map(stateChannel),
    determinism: "bitwise",
    tasks: ["play", TASK],
    starts: [],
    maxTicks: MAX_TICKS,
    acceptsFrames: false,
  };
}
