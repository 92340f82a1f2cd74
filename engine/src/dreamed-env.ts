// A dreamed world as an `Env`: episodes, tasks, seeds and limits around the world model.
import {
  type ActionLike,
  actionsOf,
  byteTensor,
  checkReset,
  checkStep,
  type Env,
  type EnvSpec,
  floatTensor,
  type Info,
  type Observation,
  ResetNeededError,
  type ResetOptions,
  type ResetResult,
  type StepOptions,
  type StepResult,
  toActions,
  WorldError,
} from "@worldstep/protocols";
import { Lane } from "./lane.js";
import { drawStart, nextSeed } from "./philox.js";
import { startFrom } from "./start-frames.js";
import type { StartState, World } from "./world.js";
import type { Episode, Start, Tick, WorldModel } from "./world-model.js";

interface Running {
  readonly episode: Episode;
  readonly task: string;
  readonly maxTicks: number;
  /** Steps since the reset. */
  tick: number;
  ended: boolean;
}

export class DreamedEnv implements Env {
  readonly #lane = new Lane();
  #running: Running | undefined;
  #lastSeed: number | undefined;
  #closed = false;

  constructor(
    readonly spec: EnvSpec,
    readonly model: WorldModel,
    readonly starts: World["starts"],
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
      this.#running = running;
      this.#lastSeed = seed;
      return { observation: this.#observation(tick), info: { ...this.#info(running, tick), seed } };
    });
  }

  async step(action: ActionLike, options: StepOptions = {}): Promise<StepResult> {
    const [result] = await this.stepChunk([action], options);
    return result as StepResult;
  }

  stepChunk(actions: readonly ActionLike[], options: StepOptions = {}): Promise<StepResult[]> {
    const taken = attempt(() => {
      const blocks = actionsOf(toActions(this.spec.actionSpace, actions, this.spec.chunk)).map(({ data }) => data);
      return { blocks, nfe: checkStep(this.spec, options) ?? 1 };
    });
    return this.#lane.run(async () => {
      this.#checkOpen();
      const running = this.#running;
      if (!running) throw new ResetNeededError("never_reset");
      if (running.ended) throw new ResetNeededError("episode_ended");
      const { blocks, nfe } = taken();
      const left = running.maxTicks > 0 ? running.maxTicks - running.tick : blocks.length;
      const results: StepResult[] = [];
      try {
        for await (const tick of this.model.step(running.episode, blocks.slice(0, left), nfe)) {
          results.push(this.#result(running, tick));
          if (running.ended) break;
        }
      } catch (error) {
        if (results.length === 0) throw error; // else what was committed is told, and the rest may be asked for again
      }
      return results;
    });
  }

  close(): Promise<void> {
    return this.#lane.run(async () => {
      this.#closed = true;
      this.#running = undefined;
    });
  }

  #result(running: Running, tick: Tick): StepResult {
    running.tick++;
    const info = this.#info(running, tick);
    const terminated = info.success;
    const truncated = !terminated && running.tick === running.maxTicks;
    running.ended = terminated || truncated;
    const reward = tick.reward[this.#head(running.task)] ?? 0;
    return { observation: this.#observation(tick), reward, terminated, truncated, info };
  }

  #start(name: string | undefined, seed: number): Start {
    const { starts } = this.spec;
    const chosen = name ?? (starts[drawStart(seed, starts.length)] as string);
    return { ...(this.starts.get(chosen) as StartState), actions: [] };
  }

  #observation({ frames, proprioception }: Tick): Observation {
    const { frames: pixels, proprioception: pose } = this.spec.observationSpace.spaces;
    return {
      frames: byteTensor(frames, pixels?.shape ?? []),
      proprioception: floatTensor(proprioception, pose?.shape ?? []),
    };
  }

  #info({ tick, task }: Running, read: Tick): Info & { readonly success: boolean } {
    const successProbability = read.success[this.#head(task)] ?? 0;
    const named = (values: Float32Array) => Object.fromEntries([...values].map((x, i) => [this.spec.tasks[i + 1], x]));
    const tasks = { rewards: named(read.reward), successProbabilities: named(read.success) };
    const names = this.model.manifest.environmentState?.names ?? [];
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
    if (this.#closed) throw new WorldError("env_closed", "the env is closed", "open another one");
  }
}

// Reads what the caller passed now, while it is as it was passed, and throws what was wrong with it when its turn comes.
function attempt<T>(read: () => T): () => T {
  try {
    const value = read();
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

function randomSeed(): number {
  const [low = 0, high = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (high % 2 ** 21) * 2 ** 32 + low;
}
