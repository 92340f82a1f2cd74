// A small world for tests, a whole `Env` with no physics: a counter that moves by the mean of its action block, with
// noise from the seed. It ends when the counter passes `goal`, and is truncated after `maxTicks`.
import {
  type ActionLike,
  attempt,
  byteTensor,
  checkFork,
  checkReset,
  checkStep,
  copiedSnapshot,
  type Env,
  type EnvSpec,
  type ForkOptions,
  floatTensor,
  type Observation,
  observed,
  packSnapshot,
  ResetNeededError,
  type ResetOptions,
  type ResetResult,
  type StepOptions,
  type StepResult,
  toAction,
  unpackSnapshot,
  WorldError,
} from "@worldstep/protocols";

const STRIDE = 4;
const SIZE = 6;
const ACTIONS = 2;

export const COUNTER_SPEC: EnvSpec = {
  id: "counter",
  fps: 20,
  stride: STRIDE,
  observationSpace: {
    type: "dict",
    spaces: {
      frames: { type: "box", dtype: "uint8", shape: [STRIDE, SIZE, SIZE, 3], low: 0, high: 255 },
      proprioception: { type: "box", dtype: "float32", shape: [2], low: -1000, high: 1000 },
    },
  },
  actionSpace: { type: "box", dtype: "float32", shape: [STRIDE, ACTIONS], low: -1, high: 1 },
  action: ["up", "side"].map((name) => ({ name, low: -1, high: 1, kind: "delta", idle: 0 })),
  proprioception: ["count (1)", "tick (1)"],
  tasks: ["play", "climb"],
  starts: ["zero", "ten"],
  maxTicks: 5,
  cameras: [{ name: "scope", key: "frames", height: SIZE, width: SIZE }],
  state: [
    { name: "count", unit: "1" },
    { name: "tick", unit: "1" },
  ],
  determinism: "bitwise",
  acceptsFrames: false,
};

type State = "new" | "running" | "ended" | "closed";

interface Kept {
  readonly random: number;
  readonly count: number;
  readonly tick: number;
  readonly maxTicks: number;
  readonly task: string;
  readonly state: State;
}

const ORIGIN = { world: "counter", backend: "none", layout: 1 };

function randomOf(seed: number): number {
  return (seed * 2654435761 + 12345) % 2147483647;
}

/** What a test can bend to see that a broken env is found out. */
export interface CounterOptions {
  /** Waits before each tick, so that calls overlap in time. */
  readonly delayMs?: number;
  /** The counter at which the task `climb` is done. */
  readonly goal?: number;
  /** Called before a tick is committed; it may throw. */
  readonly beforeStep?: () => void;
}

export class CounterWorld implements Env {
  readonly spec = COUNTER_SPEC;
  readonly actionsTaken: number[] = [];
  inFlight = 0;
  maxInFlight = 0;
  #random = 1;
  #count = 0;
  #tick = 0;
  #maxTicks = 0;
  #task = "play";
  #state: State = "new";
  #queue: Promise<unknown> = Promise.resolve();

  constructor(readonly options: CounterOptions = {}) {}

  get tick(): number {
    return this.#tick;
  }

  reset(options: ResetOptions = {}): Promise<ResetResult> {
    return this.#inOrder(async () => {
      checkReset(COUNTER_SPEC, options);
      const { seed, task = "play", start, maxTicks = COUNTER_SPEC.maxTicks } = options;
      if (seed !== undefined) this.#random = randomOf(seed);
      this.#count = (start === "ten" ? 10 : 0) + this.#draw();
      this.#tick = 0;
      this.#task = task;
      this.#maxTicks = maxTicks;
      this.#state = "running";
      return { observation: this.#observe(), info: { tick: 0, task } };
    });
  }

  step(action: ActionLike, options: StepOptions = {}): Promise<StepResult> {
    // The caller may use its buffer again at once; a bad action is an error only when its turn comes.
    const block = attempt(() => toAction(COUNTER_SPEC.actionSpace, action));
    return this.#inOrder(async () => {
      if (this.#state === "new") throw new ResetNeededError("never_reset");
      if (this.#state === "ended") throw new ResetNeededError("episode_ended");
      checkStep(COUNTER_SPEC, options);
      const { data } = block();
      this.options.beforeStep?.();
      if (this.options.delayMs !== undefined) await new Promise((done) => setTimeout(done, this.options.delayMs));
      const move = data.reduce((sum, value) => sum + value, 0) / data.length;
      this.#count += move + 0.01 * this.#draw();
      this.#tick += 1;
      this.actionsTaken.push(data[0] ?? 0);
      const terminated = this.#task === "climb" && this.#count >= (this.options.goal ?? 3);
      const truncated = this.#maxTicks > 0 && this.#tick >= this.#maxTicks;
      if (terminated || truncated) this.#state = "ended";
      const observation = observed(this.spec, this.#observe(), options.observe);
      return { observation, reward: move, terminated, truncated, info: { tick: this.#tick } };
    });
  }

  fork(options: ForkOptions = {}): Promise<CounterWorld> {
    return this.#inOrder(async () => {
      const kept = this.#kept("fork");
      checkFork(options);
      const fork = new CounterWorld(this.options);
      fork.#goOnFrom(kept);
      if (options.seed !== undefined) fork.#random = randomOf(options.seed);
      return fork;
    });
  }

  snapshot(): Promise<Uint8Array> {
    return this.#inOrder(async () => {
      const state = this.#kept("snapshot");
      return packSnapshot({ ...ORIGIN, tick: this.#tick, ended: this.#state === "ended", state });
    });
  }

  restore(bytes: Uint8Array): Promise<void> {
    return this.#inOrder(async () => this.#goOnFrom(unpackSnapshot(copiedSnapshot(bytes), ORIGIN).state as Kept));
  }

  #kept(call: string): Kept {
    if (this.#state === "new") throw new ResetNeededError("never_reset", call);
    const [random, count, tick, maxTicks] = [this.#random, this.#count, this.#tick, this.#maxTicks];
    return { random, count, tick, maxTicks, task: this.#task, state: this.#state };
  }

  #goOnFrom({ random, count, tick, maxTicks, task, state }: Kept): void {
    [this.#random, this.#count, this.#tick, this.#maxTicks] = [random, count, tick, maxTicks];
    [this.#task, this.#state] = [task, state];
  }

  async close(): Promise<void> {
    this.#state = "closed";
  }

  #inOrder<T>(call: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(async () => {
      if (this.#state === "closed") throw new WorldError("env_closed", "the env is closed", "open another");
      this.inFlight += 1;
      this.maxInFlight = Math.max(this.maxInFlight, this.inFlight);
      return call().finally(() => {
        this.inFlight -= 1;
      });
    });
    this.#queue = result.catch(() => undefined);
    return result;
  }

  // Park and Miller's generator: [0, 1).
  #draw(): number {
    this.#random = (this.#random * 16807) % 2147483647;
    return this.#random / 2147483647;
  }

  #observe(): Observation {
    const frames = new Uint8Array(STRIDE * SIZE * SIZE * 3);
    const frameSize = frames.length / STRIDE;
    for (let i = 0; i < frames.length; i++) {
      const frame = this.#tick === 0 ? 0 : Math.floor(i / frameSize);
      frames[i] = (Math.floor(this.#count * 1000) + frame + (i % frameSize)) & 255;
    }
    return {
      frames: byteTensor(frames, [STRIDE, SIZE, SIZE, 3]),
      proprioception: floatTensor(Float32Array.of(this.#count, this.#tick), [2]),
    };
  }
}

/** One action block with every element `value`. */
export function block(value: number): Float32Array {
  return new Float32Array(STRIDE * ACTIONS).fill(value);
}
