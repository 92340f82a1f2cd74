// The story of a tick. Read this file first.
//
//   reset(start)  ->  encode -> clean pass (page 0 is the sink), for each tick of the start state; its frames are shown as they came
//   step(actions) ->  predict -> denoise a chunk (n NFE, over the context) -> for each of its ticks: clean pass (page and
//                     heads) -> decode, where frames are wanted
//   predict(actions) -> the predictor fed with what it predicts: states and scores of many action sequences, nothing dreamed
//
// An episode is a value. Each tick makes another one, and whoever plays decides which to go on from: what fails, or is not
// wanted, leaves the episode before it as it was.
//
// Shapes: L tokens a tick, C latent channels, s stride, A action size, H W pixels, P proprioception, Q numbers of the state
// vector: proprioception, and where the logs had it the environment's state.
import { WorldError } from "@worldstep/protocols";
import {
  type Context,
  type DecoderState,
  expertOf,
  type Heads,
  type Move,
  type Networks,
  type Shown,
} from "./networks.js";
import { normals } from "./philox.js";
import { sample } from "./sampler.js";
import type { StateRollout } from "./state-rollout.js";
import { cameraOf, type WorldManifest } from "./world/schema.js";

/** Where an episode starts: at its last frame. */
export interface Start {
  /** `[1 + s n, H, W, 3]` uint8. The first frame fills a tick alone. */
  readonly frames: Uint8Array;
  /** The action blocks that led through the frames after it, each `[s, A]`; n of them. */
  readonly actions: readonly Float32Array[];
  /** Where the robot is in the last frame, `[P]`, in the units of the world's names; else it is read from the frame. */
  readonly proprioception?: Float32Array;
}

/**
 * A running world after one of its ticks: the pages of its context, and what it carries besides, the recurrent state of memory
 * blocks, the decoder's, the last latent and state vector. A value: nobody writes into it.
 */
export interface Episode {
  /** In [0, 2^53): keys the noise. */
  readonly seed: number;
  /** Of the ticks since the reset, and those of the start state. */
  readonly context: Context;
  readonly decoder: DecoderState;
  /** The latent of the last tick, `[L, C]`; zeros before the first. */
  readonly latent: Float32Array;
  /** That tick's state vector, `[Q]`, normalised; its proprioception was given at the start perhaps. */
  readonly state: Float32Array;
  /** What conditioned it, `[s A + Q]`: its action block, and the state before it. */
  readonly control: Float32Array;
  /** How strange its first latent was; see `Networks.strangeness`. */
  readonly strangeness: number;
}

/** What a world reads from a tick; Q' = Q - P. */
export interface Reading {
  /** `[P]` float32, in the units of the world's names. */
  readonly proprioception: Float32Array;
  /** `[Q']`, in the units of the world's names; empty where the logs had none. */
  readonly environmentState: Float32Array;
  /** For each task but the first. */
  readonly reward: Float32Array;
  /** Probability that the task is done, for each task but the first. */
  readonly success: Float32Array;
}

/** An episode, and its last tick. */
export interface Moment {
  readonly episode: Episode;
  readonly tick: Tick;
}

/** What a tick shows. */
export interface Tick extends Reading {
  /** `[s, H, W, 3]` uint8; absent where nobody asked for them. */
  readonly frames?: Uint8Array;
  /** Number of the expert that the clean pass used. */
  readonly expert: number;
  /** In [0, 1]: the share of dreams of held-out logs whose ticks were less unlike the logs; where the world says. */
  readonly uncertainty?: number;
}

export class WorldModel {
  constructor(
    readonly manifest: WorldManifest,
    readonly networks: Networks,
  ) {}

  /** The beginning of an episode: the last tick of its start state. That tick's frames are the start's own, not decoded ones. */
  async reset(start: Start, seed: number): Promise<Moment> {
    const { stride, action, dynamics, tokenizer } = this.manifest;
    const [still, size] = [new Float32Array(stride * action.channels.length), stride * this.#frameBytes];
    let frames = this.#repeated(start.frames);
    const first = await this.#seen(start, 0, frames);
    const control = joined([still, first.state]); // at rest, as far as can be known
    const before: Episode = {
      seed,
      context: this.networks.empty,
      decoder: await this.networks.begin(start.frames.subarray(0, this.#frameBytes)),
      latent: new Float32Array(dynamics.tokens * tokenizer.latentChannels),
      state: first.state,
      control,
      strangeness: await this.networks.strangeness(first.latent),
    };
    let moment = await this.#finish(
      before,
      first.latent,
      await this.networks.move(control, control, before.latent),
      first.state,
    );
    for (const [i, action] of start.actions.entries()) {
      const { episode } = moment;
      const from = this.#frameBytes + i * size;
      frames = start.frames.slice(from, from + size);
      const { latent, state } = await this.#seen(start, i + 1, frames);
      const control = joined([action, episode.state]);
      const move = await this.networks.move(control, episode.control, episode.latent);
      moment = await this.#finish(episode, latent, move, state);
    }
    return { episode: moment.episode, tick: { ...moment.tick, frames } };
  }

  /**
   * The next ticks of `episode` under the action blocks `actions`, each `[s, A]`: a chunk, denoised jointly in `nfe`
   * evaluations, with frames where they are wanted. Those ticks that are not asked for change nothing of those before.
   */
  async *step(
    episode: Episode,
    actions: readonly Float32Array[],
    nfe: number,
    { frames }: { readonly frames: boolean },
  ): AsyncGenerator<Moment, void, void> {
    const { latent: previous, context, seed } = episode;
    const { sampler, tokenizer } = this.manifest;
    const noise = joined(
      actions.map((_, k) => normals(seed, context.ticks + k, previous.length).map((x) => x * sampler.noise)),
    );
    const moves: Move[] = [];
    for (const action of actions) {
      const last = moves.at(-1);
      const control = joined([action, last?.predicted ?? episode.state]);
      moves.push(await this.networks.move(control, last?.control ?? episode.control, previous));
    }
    const denoise = (z: Float32Array, t: number, r: number) => this.networks.denoise(context, z, previous, moves, t, r);
    const latents = await sample(denoise, noise, nfe, tokenizer.latentChannels);
    let last = episode;
    for (const [k, action] of actions.entries()) {
      const latent = latents.slice(k * previous.length, (k + 1) * previous.length);
      // Behind the first tick of a chunk a state has been read now, which is better than the predicted one.
      const control = joined([action, last.state]);
      const move = k === 0 ? (moves[0] as Move) : await this.networks.move(control, last.control, last.latent);
      const read = await this.#finish(last, latent, move);
      const moment = frames ? await this.#decoded(read) : read;
      yield moment;
      last = moment.episode;
    }
  }

  /** Where N sequences of `ticks` action blocks, `actions` `[N, T, s, A]`, lead from `episode` in the state alone. */
  async predict(
    { state, control, context }: Episode,
    actions: Float32Array,
    ticks: number,
    signal?: AbortSignal,
  ): Promise<StateRollout> {
    const { states, scores } = await this.networks.predict(state, control, actions, ticks, signal);
    checkFinite([states, scores], context.ticks);
    return { states, scores };
  }

  /** What makes element `i` of a normalised state vector a number in the unit of its name, float32. */
  reader(i: number): (x: number) => number {
    const { proprioception, low, high } = this.manifest.state;
    const { mean, std } = this.#channel(i);
    if (i >= proprioception) return (x) => Math.fround(x * std + mean);
    return (x) => Math.fround(Math.min(high, Math.max(low, Math.fround(x * std + mean))));
  }

  /** What the tokenizer makes of a stream: `ticks`, each `[s, H, W, 3]` uint8, encoded and decoded. */
  async reconstruct(ticks: readonly Uint8Array[]): Promise<Uint8Array[]> {
    const decoded: Uint8Array[] = [];
    let decoder: DecoderState | undefined;
    let before: Float32Array | undefined;
    for (const seen of ticks) {
      const encoded = await this.networks.encode(seen);
      decoder ??= await this.networks.begin(seen.subarray(0, this.#frameBytes));
      const { frames, next } = await this.networks.decode(
        this.networks.pass(decoder, encoded, before ?? encoded.state),
      );
      decoded.push(frames);
      decoder = next;
      before = encoded.state;
    }
    return decoded;
  }

  // Tick `i` of a start: its latent, and its state, of which the last tick's proprioception may be known.
  async #seen({ actions, proprioception }: Start, i: number, frames: Uint8Array): Promise<Shown> {
    const seen = await this.networks.encode(frames);
    if (!proprioception || i < actions.length) return seen;
    const state = seen.state.slice();
    state.set(proprioception.map((x, k) => (x - this.#channel(k).mean) / this.#channel(k).std));
    return { ...seen, state };
  }

  async #decoded({ episode, tick }: Moment): Promise<Moment> {
    const { frames, next } = await this.networks.decode(episode.decoder);
    return { episode: { ...episode, decoder: next }, tick: { ...tick, frames } };
  }

  // The clean pass. `known`: the state, where the tick was seen.
  async #finish(episode: Episode, latent: Float32Array, move: Move, known?: Float32Array): Promise<Moment> {
    const { latent: previous, state: before } = episode;
    const [{ heads, context }, uncertainty] = await Promise.all([
      this.networks.read(episode.context, latent, previous, move),
      this.networks.uncertainty(latent, move.control, episode.strangeness),
    ]);
    const state = known ?? heads.state;
    checkFinite([latent, state, heads.reward, heads.success, move.experts], context.ticks - 1);
    const decoder = this.networks.pass(episode.decoder, { latent, state }, before);
    return {
      episode: { ...episode, context, decoder, latent, state, control: move.control },
      tick: {
        ...this.#readable({ ...heads, state }),
        expert: expertOf(move),
        ...(uncertainty !== undefined && { uncertainty }),
      },
    };
  }

  #readable({ reward, success, state }: Heads): Reading {
    const { proprioception } = this.manifest.state;
    const shown = state.map((x, i) => this.reader(i)(x));
    return {
      reward,
      success: success.map(probability),
      proprioception: shown.slice(0, proprioception),
      environmentState: shown.slice(proprioception),
    };
  }

  // The first frame `stride` times.
  #repeated(frames: Uint8Array): Uint8Array {
    const bytes = this.#frameBytes;
    const tick = new Uint8Array(this.manifest.stride * bytes);
    for (let at = 0; at < tick.length; at += bytes) tick.set(frames.subarray(0, bytes), at);
    return tick;
  }

  #channel(i: number): WorldManifest["state"]["channels"][number] {
    return this.manifest.state.channels[i] as WorldManifest["state"]["channels"][number];
  }

  get #frameBytes(): number {
    const { height, width } = cameraOf(this.manifest);
    return height * width * 3;
  }
}

function joined(parts: readonly Float32Array[]): Float32Array {
  if (parts.length === 1) return parts[0] as Float32Array;
  const whole = new Float32Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Of a logit. */
export function probability(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}

function areFinite(numbers: Float32Array): boolean {
  for (let i = 0; i < numbers.length; i++) if (!Number.isFinite(numbers[i])) return false;
  return true;
}

// A number that is none would be in all ticks to come. Throws `WorldError` (`numbers_not_finite`).
function checkFinite(parts: readonly Float32Array[], tick: number): void {
  if (parts.every(areFinite)) return;
  const remedy = "reset; if the start was an ordinary one, the world's weights are broken";
  throw new WorldError("numbers_not_finite", `tick ${tick} of the episode came out as NaN or infinity`, remedy, {
    tick,
  });
}
