// RxJS on top of any env: what it shows as streams, and rollouts driven by a stream of actions.
import {
  type ActionLike,
  type ByteTensor,
  byteTensor,
  copiedSnapshot,
  type Env,
  elementCount,
  type ForkOptions,
  type Observation,
  type ResetOptions,
  type ResetResult,
  type StepOptions,
  type StepResult,
  snapshotPosition,
} from "@worldstep/protocols";
import { concatMap, type Observable, Subject } from "rxjs";
import { type ActionSource, type RolloutOptions, rollout, rolloutPlan } from "./rollout.js";
import { Wrapper } from "./wrapper.js";

/** One frame of an episode. */
export interface Frame {
  /** uint8, `[H, W, 3]`: a view of the observation, not a copy. */
  readonly frame: ByteTensor;
  /** 0 for the reset's frame, then one more for each control step. */
  readonly index: number;
  /** The tick that made it; 0 for the reset. */
  readonly tick: number;
}

export interface ResetEvent extends ResetResult {
  readonly type: "reset";
  readonly tick: 0;
}

export interface StepEvent extends StepResult {
  readonly type: "step";
  /** 1 for the first step after the reset. */
  readonly tick: number;
}

/** An env whose results can also be watched. */
export interface StreamEnv extends Env {
  /** The result of every `reset` and of every tick that succeeds, in order, from the subscription on. Completes on `close`. */
  readonly steps$: Observable<ResetEvent | StepEvent>;
  /** Every frame on its own: one for a reset, `stride` for a step, none for one that observes none. Completes on `close`. */
  readonly frames$: Observable<Frame>;
  /** Steps through `actions`; see `rollout`. */
  rollout(actions: ActionSource, options?: RolloutOptions): Observable<StepResult>;
  stepChunk(actions: readonly ActionLike[], options?: StepOptions): Promise<StepResult[]>;
  fork(options?: ForkOptions): Promise<StreamEnv>;
  snapshot(): Promise<Uint8Array>;
  restore(snapshot: Uint8Array): Promise<void>;
  /** Steps through `plan` in chunks; see `rolloutPlan`. */
  rolloutPlan(plan: readonly ActionLike[], options?: StepOptions): Observable<StepResult>;
}

/** `env` with streams. Calls must go through what this returns: the streams show only those. */
export function observe(env: Env): StreamEnv {
  return new ObservedEnv(env);
}

/** What `observe` makes. */
export class ObservedEnv<E extends Env = Env> extends Wrapper<E> implements StreamEnv {
  readonly steps$: Observable<ResetEvent | StepEvent>;
  readonly frames$: Observable<Frame>;
  readonly #events = new Subject<ResetEvent | StepEvent>();
  #tick = 0;
  // The tick after all calls so far, also those that run: where a fork that is asked for now begins.
  #next: Promise<number> = Promise.resolve(0);

  constructor(env: E) {
    super(env);
    this.steps$ = this.#events.asObservable();
    this.frames$ = this.#events.pipe(concatMap((event) => framesOf(event, env.spec.stride)));
  }

  override async reset(options?: ResetOptions): Promise<ResetResult> {
    const result = await this.#moving(super.reset(options), () => 0);
    this.#tick = 0;
    this.#events.next({ type: "reset", tick: 0, ...result });
    return result;
  }

  override async step(action: ActionLike, options?: StepOptions): Promise<StepResult> {
    const result = await this.#moving(super.step(action, options), (_, tick) => tick + 1);
    this.#show(result);
    return result;
  }

  override async stepChunk(actions: readonly ActionLike[], options?: StepOptions): Promise<StepResult[]> {
    const results = await this.#moving(super.stepChunk(actions, options), ({ length }, tick) => tick + length);
    for (const result of results) this.#show(result);
    return results;
  }

  /** The fork has streams of its own, which number its ticks on. */
  override async fork(options?: ForkOptions): Promise<StreamEnv> {
    const next = this.#next;
    const fork = (await super.fork(options)) as ObservedEnv<E>;
    fork.#tick = await next;
    fork.#next = next;
    return fork;
  }

  protected override around(env: E): ObservedEnv<E> {
    return new ObservedEnv(env);
  }

  /** The streams show the ticks after it, not the moment itself. */
  override async restore(bytes: Uint8Array): Promise<void> {
    const kept = copiedSnapshot(bytes);
    await this.#moving(super.restore(kept), () => snapshotPosition(kept).tick);
    this.#tick = snapshotPosition(kept).tick;
  }

  rollout(actions: ActionSource, options?: RolloutOptions): Observable<StepResult> {
    return rollout(this, actions, options);
  }

  rolloutPlan(plan: readonly ActionLike[], options?: StepOptions): Observable<StepResult> {
    return rolloutPlan(this, plan, options);
  }

  override async close(): Promise<void> {
    try {
      await super.close();
    } finally {
      this.#events.complete();
    }
  }

  // `call`, after which the tick is `after` what it gave and the tick before.
  #moving<T>(call: Promise<T>, after: (result: T, tick: number) => number): Promise<T> {
    const before = this.#next;
    this.#next = call.then(
      async (result) => after(result, await before),
      () => before,
    );
    return call;
  }

  #show(result: StepResult): void {
    this.#tick += 1;
    this.#events.next({ type: "step", tick: this.#tick, ...result });
  }
}

function framesOf({ type, tick, observation }: ResetEvent | StepEvent, stride: number): Frame[] {
  const frames = splitFrames(observation);
  // A reset's frames are one frame, repeated; given frames end in the newest.
  if (type === "reset") return frames.slice(-1).map((frame) => ({ frame, index: 0, tick }));
  return frames.map((frame, i) => ({ frame, index: (tick - 1) * stride + 1 + i, tick }));
}

/** The frames of an observation, oldest first: views of shape `[H, W, 3]`; none if it has no `frames`. */
export function splitFrames({ frames }: Observation): ByteTensor[] {
  if (frames?.dtype !== "uint8") return [];
  const [count = 0, ...shape] = frames.shape;
  const size = elementCount(shape);
  const data = frames.data as Uint8Array;
  return Array.from({ length: count }, (_, i) => byteTensor(data.subarray(i * size, (i + 1) * size), shape));
}
