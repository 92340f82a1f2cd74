// The worlds of the page under the same actions: the left one resets by seed, the right one starts from its first frame.
import {
  byteTensor,
  type Connection,
  type Observation,
  type RemoteStreamEnv,
  type ResetOptions,
  type StepResult,
  splitFrames,
} from "@worldstep/sdk";
import { type Cast, SIDES, type Side } from "./cast.js";
import { canvasOf, frameFor } from "./picture.js";
import { kept, type SavedDuel, savedSeen, seenAgain } from "./saved.js";
import type { AllSeen, Seen, Start } from "./seen.js";

type World = Connection["worlds"][number];

export class Duel {
  /** Ticks since the reset. */
  tick = 0;
  /** What each world of the episode shows; one whose episode is over stays as it ended. */
  seen: AllSeen = {};
  #start: Start | undefined;
  // The block that is on its way.
  #sent: Float32Array | undefined;

  private constructor(readonly envs: Partial<Record<Side, RemoteStreamEnv>>) {}

  /** A session of each world. */
  static async open(connection: Connection, worlds: Cast<World>): Promise<Duel> {
    const duel = new Duel({});
    for (const side of SIDES) {
      const world = worlds[side];
      if (world) duel.envs[side] = await connection.open(world.id);
    }
    return duel;
  }

  /** The sessions that were kept, where they are now. Throws `session_unknown` where one is gone. */
  static async resume(connection: Connection, saved: SavedDuel): Promise<Duel> {
    const duel = new Duel({});
    try {
      for (const side of SIDES) {
        const key = saved.sessions[side];
        if (key) duel.envs[side] = await connection.resume(key);
      }
    } catch (error) {
      await duel.close();
      throw error;
    }
    duel.#start = saved.start;
    duel.seen = Object.fromEntries(Object.entries(saved.seen).map(([side, seen]) => [side, seenAgain(seen)]));
    await duel.#catchUp(saved);
    return duel;
  }

  /** What holds for all: the spec of the first world of the episode. */
  get spec(): RemoteStreamEnv["spec"] {
    const [first] = this.playing.length > 0 ? this.playing : this.sides;
    return (this.envs[first as Side] as RemoteStreamEnv).spec;
  }

  get sides(): Side[] {
    return SIDES.filter((side) => this.envs[side] !== undefined);
  }

  /** The sides that have a part in the episode. */
  get playing(): Side[] {
    return SIDES.filter((side) => this.seen[side] !== undefined);
  }

  get over(): boolean {
    return this.playing.every((side) => this.isOver(side));
  }

  get start(): Start | undefined {
    return this.#start;
  }

  /** Ticks after which the episode is cut off; 0 for never. */
  get maxTicks(): number {
    const { task, maxTicks } = this.#start ?? {};
    return maxTicks ?? (task === this.spec.tasks[0] ? 0 : this.spec.maxTicks);
  }

  isOver(side: Side): boolean {
    const { terminated = false, truncated = false } = this.seen[side] ?? {};
    return terminated || truncated;
  }

  async reset(start: Start): Promise<void> {
    const { seed, task, maxTicks, picture } = start;
    const options: ResetOptions = { seed, task, ...(maxTicks !== undefined && { maxTicks }) };
    const seen: Partial<Record<Side, Seen>> = {};
    let leader: Observation | undefined;
    for (const side of this.sides) {
      const env = this.envs[side] as RemoteStreamEnv;
      if (picture && !env.spec.acceptsFrames) continue;
      const from = picture
        ? { frames: frameFor(env.spec, picture.bitmap) }
        : leader && env.spec.acceptsFrames
          ? startOf(env, leader)
          : {};
      const { observation, info } = await env.reset({ ...options, ...from });
      leader ??= observation;
      seen[side] = { ...atStart(observation), ...told(info) };
    }
    this.#start = start;
    this.tick = 0;
    this.seen = seen;
  }

  /** The same block in each world whose episode goes on. `nfe` is for those that sample. */
  async step(block: Float32Array, nfe: number | undefined): Promise<void> {
    this.#sent = block;
    const seen = await Promise.all(this.playing.map(async (side) => [side, await this.#next(side, block, nfe)]));
    this.#sent = undefined;
    this.tick += 1;
    this.seen = Object.fromEntries(seen);
  }

  /** What `resume` goes on from; undefined where there is no episode to go on with. */
  saved(): SavedDuel | undefined {
    if (!this.#start || this.over || this.#start.picture) return undefined;
    const sessions = this.sides.map((side) => {
      const { session, token } = this.envs[side] as RemoteStreamEnv;
      return [side, { session, token }];
    });
    const seen = Object.entries(this.seen).map(([side, shown]) => [side, savedSeen(shown)]);
    return {
      sessions: Object.fromEntries(sessions),
      start: this.#start,
      tick: this.tick,
      seen: Object.fromEntries(seen),
      ...(this.#sent && { sent: kept(this.#sent) }),
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.sides.map((side) => this.envs[side]?.close()));
  }

  async #next(side: Side, block: Float32Array, nfe: number | undefined): Promise<Seen> {
    const [env, before] = [this.envs[side] as RemoteStreamEnv, this.seen[side] as Seen];
    if (this.isOver(side)) return before;
    const sampled = nfe !== undefined && env.spec.nfe !== undefined;
    const result = await env.step(block, sampled ? { nfe } : {});
    return afterStep(result, env.serverMs, before.total);
  }

  // The tick that was on its way when the page went may have been made in one world and not in the other.
  async #catchUp({ tick, sent }: SavedDuel): Promise<void> {
    const ahead = this.playing.filter((side) => this.envs[side]?.tick !== tick);
    this.tick = ahead.length === 0 ? tick : tick + 1;
    if (ahead.length === 0 || !sent) return;
    const seen = await Promise.all(
      this.playing.map(async (side) => {
        if (!ahead.includes(side)) return [side, await this.#next(side, Float32Array.from(sent), undefined)];
        return [side, { ...(this.seen[side] as Seen), total: Number.NaN }];
      }),
    );
    this.seen = Object.fromEntries(seen);
  }
}

// The newest frame of the world beside it, and where the robot is in that.
function startOf({ spec }: RemoteStreamEnv, { proprioception, ...shown }: Observation): ResetOptions {
  const frame = splitFrames({ proprioception, ...shown } as Observation).at(-1);
  if (!frame) return {};
  const [, height, width] = spec.observationSpace.spaces.frames?.shape ?? [];
  const fits = frame.shape[0] === height && frame.shape[1] === width;
  const frames = fits ? byteTensor(frame.data, [1, ...frame.shape]) : frameFor(spec, canvasOf(frame));
  return { frames, proprioception };
}

function atStart(observation: Observation): Seen {
  return { observation, reward: 0, total: 0, terminated: false, truncated: false, success: false, ms: 0 };
}

function afterStep({ observation, reward, terminated, truncated, info }: StepResult, ms: number, total: number): Seen {
  const success = info.success === true || terminated;
  return { observation, reward, total: total + reward, terminated, truncated, success, ms, ...told(info) };
}

function told({ expert, uncertainty, environmentState }: StepResult["info"]): Partial<Seen> {
  return {
    ...(typeof expert === "number" && { expert }),
    ...(typeof uncertainty === "number" && { uncertainty }),
    ...(typeof environmentState === "object" && { environmentState: environmentState as Record<string, number> }),
  };
}
