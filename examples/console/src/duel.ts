// The worlds of the page under the same actions: the real one resets by seed, the dreamed one starts from its first frame.
import {
  byteTensor,
  type Connection,
  type Observation,
  type RemoteStreamEnv,
  type ResetOptions,
  type StepResult,
  splitFrames,
} from "@worldstep/sdk";
import { type Cast, canFollow, cast, SIDES, type Side } from "./cast.js";
import { blockOf, type Move } from "./move.js";

export interface Start {
  readonly seed: number;
  readonly task: string;
  /** As `ResetOptions.maxTicks`; undefined for the world's own. */
  readonly maxTicks: number | undefined;
}

/** What one world showed last. After a reset there is no reward yet, and `ms` is 0. */
export interface Seen {
  readonly observation: Observation;
  readonly reward: number;
  readonly terminated: boolean;
  readonly truncated: boolean;
  readonly success: boolean;
  /** What the world took for the tick, as the server measured it. */
  readonly ms: number;
  /** Which of the world's experts made the tick, where it has some. */
  readonly expert?: number;
  /** How unlike the world's logs the tick is, in [0, 1], where the world says. */
  readonly uncertainty?: number;
}

export class Duel {
  /** Ticks since the reset. */
  tick = 0;
  /** What each world shows; one whose episode is over stays as it ended. */
  seen: Partial<Record<Side, Seen>> = {};

  private constructor(readonly envs: Partial<Record<Side, RemoteStreamEnv>>) {}

  /** A session of each world that has a part. */
  static async open(connection: Connection): Promise<Duel> {
    const parts: Cast<Connection["worlds"][number]> = cast(connection.worlds);
    const opened = await Promise.all(
      SIDES.map(async (side) => {
        const world = parts[side];
        return world === undefined ? {} : { [side]: await connection.open(world.id) };
      }),
    );
    return new Duel(Object.assign({}, ...opened));
  }

  /** What holds for both: the real world's spec, or that of the only world. */
  get spec(): RemoteStreamEnv["spec"] {
    const env = this.envs.real ?? this.envs.dreamed;
    if (!env) throw new Error("a server without worlds");
    return env.spec;
  }

  get over(): boolean {
    return this.sides.every((side) => this.#isOver(side));
  }

  get sides(): Side[] {
    return SIDES.filter((side) => this.envs[side] !== undefined);
  }

  async reset({ seed, task, maxTicks }: Start): Promise<void> {
    const options: ResetOptions = { seed, task, ...(maxTicks !== undefined && { maxTicks }) };
    const { real, dreamed } = this.envs;
    const first = real && (await real.reset(options)).observation;
    const frame = first && splitFrames(first).at(-1);
    const follows = real && dreamed && canFollow(dreamed.spec, real.spec) && frame;
    const start: ResetOptions = follows
      ? { frames: byteTensor(frame.data, [1, ...frame.shape]), proprioception: first.proprioception }
      : {};
    const second = dreamed && (await dreamed.reset({ ...options, ...start })).observation;
    this.tick = 0;
    this.seen = { ...(first && { real: atStart(first) }), ...(second && { dreamed: atStart(second) }) };
  }

  /** The same move in each world whose episode goes on. `nfe` is for those that sample. */
  async step(move: Move, nfe: number | undefined): Promise<void> {
    const seen = await Promise.all(
      this.sides.map(async (side) => {
        const [env, before] = [this.envs[side], this.seen[side]];
        if (!env || this.#isOver(side)) return { [side]: before };
        const sampled = nfe !== undefined && env.spec.nfe !== undefined;
        const result = await env.step(blockOf(env.spec, move), sampled ? { nfe } : {});
        return { [side]: afterStep(result, env.serverMs) };
      }),
    );
    this.tick += 1;
    this.seen = Object.assign({}, ...seen);
  }

  #isOver(side: Side): boolean {
    const { terminated = false, truncated = false } = this.seen[side] ?? {};
    return terminated || truncated;
  }
}

function atStart(observation: Observation): Seen {
  return { observation, reward: 0, terminated: false, truncated: false, success: false, ms: 0 };
}

function afterStep({ observation, reward, terminated, truncated, info }: StepResult, ms: number): Seen {
  const success = info.success === true || terminated;
  const { expert, uncertainty } = info;
  return {
    observation,
    reward,
    terminated,
    truncated,
    success,
    ms,
    ...(typeof expert === "number" && { expert }),
    ...(typeof uncertainty === "number" && { uncertainty }),
  };
}
