// The one interface of every world: the simulator, a dreamed world in this process, and a world on a server.
// Gymnasium's semantics (farama.org, Gymnasium 1.x): five values from a step, terminated apart from truncated.
import type { Channel } from "./channel.js";
import type { Planned, PlanOptions, Predicted } from "./planning.js";
import type { ActionLike, BoxSpace, DictSpace } from "./spaces.js";
import type { ByteTensor, FloatTensor, Tensor } from "./tensor.js";

/** What an env shows; of a step that says what it observes, that part. There may be more than these two: `EnvSpec.observationSpace` says. */
export interface Observation extends Readonly<Record<string, Tensor>> {
  /** Shape `[stride, H, W, 3]`, the frames of the tick, newest last; after a reset those of the start's last tick, or its one frame `stride` times. */
  readonly frames: ByteTensor;
  /** Shape `[P]`: what `EnvSpec.proprioception` names. */
  readonly proprioception: FloatTensor;
}

/** Facts about a tick that are the same for the same seed and actions: no times, no addresses. JSON values only. */
export type Info = Readonly<Record<string, unknown>>;

/** A named source of frames. */
export interface Camera {
  readonly name: string;
  /** Key of its frames in an observation, uint8 `[stride, height, width, 3]`: `frames` of the first camera. */
  readonly key: string;
  /** Pixels. */
  readonly height: number;
  /** Pixels. */
  readonly width: number;
}

/** One of the numbers of the state vector. */
export interface StateChannel {
  readonly name: string;
  /** m, rad, px. */
  readonly unit?: string;
}

/** What an env promises of its bits: that they do not depend on what runs beside it, or that they may. */
export type Determinism = "bitwise" | "batch";
export const DETERMINISM = ["bitwise", "batch"] as const satisfies readonly Determinism[];

/** What is fixed about an env. */
export interface EnvSpec {
  /** Name of the world, for example `tabletop-nano`. */
  readonly id: string;
  /** Frames a second. One control step makes one frame. */
  readonly fps: number;
  /** Frames, and rows of the action block, a tick. */
  readonly stride: number;
  readonly observationSpace: DictSpace;
  /** Shape `[stride, A]`. */
  readonly actionSpace: BoxSpace;
  /** What each of the A numbers of an action means to the robot; `scale` and `unscale` take it from here. */
  readonly action: readonly Channel[];
  /** One name with its unit for each element of `observation.proprioception`, for example `x (m)`. */
  readonly proprioception: readonly string[];
  /** Where frames come from, the main one first; empty where the env doesn't tell. */
  readonly cameras: readonly Camera[];
  /**
   * What a tick says in numbers, `[Q]`: the elements of `observation.proprioception`, then those of
   * `info.environmentState`, whose keys are `stateName` of these. Empty where the env doesn't tell.
   */
  readonly state: readonly StateChannel[];
  readonly determinism: Determinism;
  /** Names that `reset({ task })` takes; the first is the default. */
  readonly tasks: readonly string[];
  /** Names that `reset({ start })` takes; empty where the env makes its start states from the seed. */
  readonly starts: readonly string[];
  /** Ticks after which an episode is truncated, unless `reset({ maxTicks })` says otherwise; 0 for never. */
  readonly maxTicks: number;
  /** Whether `reset({ frames })` works, with `actions` and `proprioception`. */
  readonly acceptsFrames: boolean;
  /** Denoiser evaluations (NFE) a tick that `step` takes, and the default; undefined where nothing is sampled. */
  readonly nfe?: { readonly min: number; readonly max: number; readonly default: number };
  /** Ticks that `stepChunk` denoises jointly, at most; undefined where ticks are made one by one. */
  readonly chunk?: number;
  /** Whether `predict` and `plan` work; they don't where it is absent. */
  readonly predicts?: boolean;
}

export interface ResetOptions {
  /** A whole number in [0, 2^53). Without it the env goes on with its own random numbers, as Gymnasium does. */
  readonly seed?: number;
  /** One of `EnvSpec.tasks`. */
  readonly task?: string;
  /** One of `EnvSpec.starts`. */
  readonly start?: string;
  /** Start from these frames: uint8, shape `[1 + stride * n, H, W, 3]`; the first is encoded alone. */
  readonly frames?: Tensor;
  /** The actions that led through `frames`: float32, shape `[n, stride, A]`; needed when n > 0. */
  readonly actions?: Tensor;
  /**
   * Where the robot is in the newest of `frames`: float32 `[P]`, in the observation space; without it the env reads that
   * from the frames.
   */
  readonly proprioception?: Tensor;
  /** Truncate after so many ticks; 0 for never. */
  readonly maxTicks?: number;
}

/** Parts of an observation: the frames of all cameras, and all else, which is told in numbers. */
export const OBSERVED = ["frames", "state"] as const;
export type Observed = (typeof OBSERVED)[number];

export interface StepOptions {
  /** Denoiser evaluations for this tick, or for the whole chunk; default `EnvSpec.nfe.default`. */
  readonly nfe?: number;
  /**
   * What the observation is to hold, at least one, by default all; what else it would hold is absent. Frames that nobody asks for are not
   * made, which saves half of a step and more, and changes no bit of what comes after.
   */
  readonly observe?: readonly Observed[];
}

export interface ForkOptions {
  /** A whole number in [0, 2^53): the fork's random numbers are those of this seed from its next tick on. */
  readonly seed?: number;
}

/** Of a call that takes long. */
export interface CallOptions {
  /** Aborted: the call ends as soon as it can, and rejects with `stopError`. */
  readonly signal?: AbortSignal;
}

export interface ResetResult {
  readonly observation: Observation;
  readonly info: Info;
}

export interface StepResult {
  readonly observation: Observation;
  /** Sum over the tick's control steps. */
  readonly reward: number;
  /** The task is done (success). */
  readonly terminated: boolean;
  /** The episode was cut off by its time limit. */
  readonly truncated: boolean;
  readonly info: Info;
}

/**
 * A world that can be reset and stepped. Calls on one env run in the order in which they were made. A call that throws
 * leaves the env at its last committed tick: it may be retried. `close` frees what the env holds; later calls throw.
 */
export interface Env {
  readonly spec: EnvSpec;
  reset(options?: ResetOptions): Promise<ResetResult>;
  /** One tick: `stride` control steps. Throws `ResetNeededError` before a reset and after the episode ended. */
  step(action: ActionLike, options?: StepOptions): Promise<StepResult>;
  /**
   * The next ticks under `actions`, 1 to `spec.chunk` of them, denoised jointly; there where `spec.chunk` is. One promise:
   * all ticks are made, or it throws and none is. The results are as of `step`, one a tick, up to the tick that ends the
   * episode; what lies behind that tick is not shown, and changes no bit of what is.
   */
  stepChunk?(actions: readonly ActionLike[], options?: StepOptions): Promise<StepResult[]>;
  /**
   * Another env at the same moment. Without a seed it goes on as this one does: the same actions give the same bits, resets
   * without a seed the same episodes. Neither sees what the other does, and each is closed by itself.
   * Throws `ResetNeededError` before the first reset, and `WorldError` (`env_cannot_fork`).
   */
  fork?(options?: ForkOptions): Promise<Env>;
  /**
   * This moment as bytes, as `packSnapshot` makes them: an env of the same world that restores them, in whatever process,
   * goes on as this one does, resets without a seed included.
   * Throws `ResetNeededError` before the first reset, and `WorldError` (`env_cannot_snapshot`).
   */
  snapshot?(): Promise<Uint8Array>;
  /**
   * Goes on from a snapshot, also before the first reset. It is that moment, or throws and nothing has changed:
   * `SnapshotError`, and `WorldError` (`env_cannot_snapshot`).
   */
  restore?(snapshot: Uint8Array): Promise<void>;
  /**
   * Where action sequences `[N, T, stride, A]` lead from this moment, in the state alone: see planning.ts.
   * Throws `ResetNeededError`, `ActionError` and `WorldError` (`env_cannot_plan`).
   */
  predict?(actions: FloatTensor): Promise<Predicted>;
  /**
   * The best of many action sequences from this moment: see planning.ts. The env stays where it is. A signal stops it.
   * Throws `ResetNeededError`, `OptionError`, `ActionError` and `WorldError` (`env_cannot_plan`, `request_cancelled`).
   */
  plan?(options?: PlanOptions, call?: CallOptions): Promise<Planned>;
  close(): Promise<void>;
}

/** The state channel that a name with its unit tells of, `x (m)` or `cos 4 yaw`. */
export function stateChannel(text: string): StateChannel {
  const [, name, unit] = /^(.*) \(([^()]*)\)$/.exec(text) ?? [];
  return name === undefined || unit === undefined ? { name: text } : { name, unit };
}

/** The name of a state channel with its unit, as `EnvSpec.proprioception` and `info.environmentState` have it. */
export function stateName({ name, unit }: StateChannel): string {
  return unit === undefined ? name : `${name} (${unit})`;
}

/** How a vector env goes on after an episode ends (Gymnasium's `AutoresetMode`, same names and meaning). */
export type AutoresetMode = "NextStep" | "SameStep" | "Disabled";
