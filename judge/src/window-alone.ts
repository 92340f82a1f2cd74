// A world that knows only what it showed of late: what it would be if its window were all its memory.
import {
  type ActionLike,
  byteTensor,
  type Env,
  type EnvSpec,
  floatTensor,
  type Observation,
  type ResetOptions,
  type ResetResult,
  type StepResult,
  toAction,
} from "@worldstep/protocols";

/** What a tick was moved by, and what it showed. */
interface Shown {
  readonly action: Float32Array;
  readonly observation: Observation;
}

/**
 * `env`, which takes frames, begun anew before every step from the last `window` ticks that it showed, their actions and
 * where the robot is: nothing older than these pictures is left in it. Like a model that is fed its own frames, it sees its
 * own faults.
 */
export class WindowAlone implements Env {
  #options: ResetOptions = {};
  #before: Observation | undefined;
  #shown: Shown[] = [];
  #steps = 0;

  constructor(
    readonly env: Env,
    readonly window: number,
  ) {}

  get spec(): EnvSpec {
    return this.env.spec;
  }

  async reset(options: ResetOptions = {}): Promise<ResetResult> {
    const result = await this.env.reset(options);
    const { seed, task } = options;
    this.#options = { ...(seed !== undefined && { seed }), ...(task !== undefined && { task }), maxTicks: 0 };
    this.#before = result.observation;
    this.#shown = [];
    this.#steps = 0;
    return result;
  }

  async step(action: ActionLike): Promise<StepResult> {
    const { data } = toAction(this.spec.actionSpace, action);
    const { seed } = this.#options;
    // Noise is keyed by seed and tick, and the ticks are always as many: each step has a seed of its own.
    await this.env.reset({
      ...this.#options,
      ...this.#seen(),
      ...(seed !== undefined && { seed: seed + this.#steps }),
    });
    const result = await this.env.step(data);
    this.#steps++;
    this.#shown.push({ action: data, observation: result.observation });
    if (this.#shown.length > this.window) this.#before = this.#shown.shift()?.observation;
    return result;
  }

  close(): Promise<void> {
    return this.env.close();
  }

  // The window as the start of an episode: one frame, then whole ticks.
  #seen(): Pick<ResetOptions, "frames" | "actions" | "proprioception"> {
    const shown = this.#shown;
    const before = this.#before as Observation;
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
