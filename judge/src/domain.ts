// What a domain brings to the judge: a reality to hold worlds against, a probe that measures frames, policies, and what is
// to be found out. And what its studies and parts are given.
import type { Env, EnvSpec } from "@worldstep/protocols";
import type { PolicyFolder } from "@worldstep/sdk/policies";
import type { Subject } from "./subject.js";
import type { Section } from "./verdict.js";

/** What a probe says of one frame; a domain adds what it measures. */
export interface Measured {
  /** In which frames that look alike are near one another, `[N]`. */
  readonly features: Float32Array;
}

/** Measures things in frames. It belongs to reality, not to a world. */
export interface Probe<M extends Measured = Measured> {
  /** Pixels along each side of the frames that it measures. */
  readonly size: number;
  /** Names it, in hex. */
  readonly hash: string;
  /** What `frame` `[size, size, 3]` uint8 shows. */
  measure(frame: Uint8Array): Promise<M>;
  close(): Promise<void>;
}

/** An episode of reality: T ticks of s control steps, F = 1 + s T frames, of `Domain.tasks` K. */
export interface Recording {
  /** `[F, H, W, 3]`. */
  readonly frames: Uint8Array;
  /** `[T, s, A]`. */
  readonly actions: Float32Array;
  /** `[F, P]`. */
  readonly proprioception: Float32Array;
  /** Reward of each task in each tick, `[T, K]`. */
  readonly rewards: Float32Array;
  /** Whether the task was in success in the tick, `[T, K]`. */
  readonly success: Uint8Array;
}

export interface RealityOptions {
  /** Of the subject beside which it is: an action block must mean the same in both. */
  readonly spec: EnvSpec;
  /** Pixels along each side of a frame. */
  readonly size: number;
  /** Whether some starts have things done already. */
  readonly varied: boolean;
  /** Whether it draws every frame of a tick, or the newest alone. */
  readonly filmed: boolean;
}

/** A reality of type `R`, whose episodes are recorded as `E` and whose frames are measured as `M`. */
export interface Domain<R extends Env = Env, M extends Measured = Measured, E extends Recording = Recording> {
  readonly id: string;
  /** Those with a reward, in the order of every array by task. */
  readonly tasks: readonly string[];
  /** Of an episode that `record` plays. */
  readonly ticks: number;
  /** Pixels along each side of reality's frames beside a world of `spec`. Throws `OptionError` (`eval_world_unfit`) for a world of another domain. */
  sizeBeside(spec: EnvSpec): number;
  /** Starts where a seed says. A seed's start is the same for every size. */
  reality(options: RealityOptions): Promise<R>;
  /** Reality judged as if it were a world: what a perfect one with frames of `size` scores. */
  asWorld(size?: number): Subject;
  /** Plays and records the episode of `seed`, the same each time. */
  record(reality: R, seed: number): Promise<E>;
  /** For frames of `size`. Throws `OptionError` (`probe_missing`). */
  probe(size: number): Promise<Probe<M>>;
  /** Those in `folder`, or those that come with the domain. */
  policies(folder?: string): Promise<PolicyFolder<Probe<M>>>;
  /** By name; samples are kept by it. */
  readonly studies: Readonly<Record<string, Study<unknown, Bench<R, M, E>>>>;
  /** The parts of a verdict by name, in the order in which they are read. */
  readonly parts: Readonly<Record<string, Part>>;
  /** What may be concluded, in the order in which it is read. */
  readonly questions: readonly Question[];
}

export interface Settings {
  /** Which held-out episodes. */
  readonly seed: number;
  /** Folder of the policies to rank; absent for those that come with the domain. */
  readonly policies?: string;
  /** In (0, 1]: how many experiments, and how long ones, of what a full judgement takes. */
  readonly scale: number;
  /** Open-loop rollouts, where another number than usual is wanted. */
  readonly rollouts?: number;
}

/** What a study works with: the subject, reality beside it, the probe that measures both, and the policies. */
export interface Bench<R extends Env = Env, M extends Measured = Measured, E extends Recording = Recording> {
  readonly settings: Settings;
  readonly domain: Domain<R, M, E>;
  readonly subject: Subject;
  /** One env of the subject. */
  readonly env: Env;
  /**
   * Reality, with some starts that have things done already. Of a tick it draws the newest frame alone: whatever measures or
   * acts looks at no other.
   */
  readonly reality: R;
  /** The same with every frame, for who compares clips. */
  readonly filmed: R;
  /** Another one without such starts, for what happens beside an episode of reality. */
  readonly twin: R;
  readonly probe: Probe<M>;
  readonly folder: PolicyFolder<Probe<M>>;
  /** Pixels along each side of a frame. */
  readonly size: number;
}

/** A pile of independent experiments of one kind. What some studies' samples say becomes a part of the verdict. */
export interface Study<Sample, B extends Bench = Bench> {
  /** How many experiments there are. Throws what is wrong with what was asked for. */
  count(bench: B): Promise<number>;
  /** About how many ticks, dreamed and simulated, one takes: for the estimate of the time left. */
  ticks(bench: B): number;
  /**
   * Experiment `i`. Its sample is JSON: it is kept on disk, and comes from another process. It is the same for the same
   * subject, settings and machine, whatever ran before. One that takes long calls `onTicks` with the ticks since its last call.
   */
  run(bench: B, i: number, onTicks: (ticks: number) => void): Promise<Sample>;
}

/** The samples of studies that were made, by the studies' names. */
export type Samples = Readonly<Record<string, readonly unknown[]>>;

/** How a part counts. */
export interface Counting {
  /** Starts the bootstrap. */
  readonly seed: number;
  /** Seconds of a tick. */
  readonly tickSeconds: number;
}

/** A part of the verdict: which studies it stands on, and what it makes of their samples. */
export interface Part<S extends Samples = Samples> {
  readonly studies: readonly string[];
  section(samples: S, counting: Counting): Section;
}

/** What may be concluded from a world where one metric is good enough. */
export interface Question {
  readonly claim: string;
  readonly metric: string;
  readonly better: "higher" | "lower";
  /** What the metric must reach, on the better side with its whole interval. */
  readonly asked: number;
  /** Whether it is of the few that say most. */
  readonly headline: boolean;
}

/** One experiment. */
export interface Order {
  readonly study: string;
  readonly i: number;
}
