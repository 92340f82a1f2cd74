// The story of a tick. Read this file first.
//
//   reset(start)  ->  encode -> clean pass (page 0 is the sink) -> decode -> commit, for each tick of the start state
//   step(actions) ->  reckon -> denoise a chunk (n NFE, over the context) -> for each of its ticks: clean pass (page and
//                     heads) -> decode -> commit
//
// Everything of a tick is computed into scratch and committed at once, at the end: a tick that fails leaves its episode
// as it was.
//
// Shapes: L tokens a tick, C latent channels, s stride, A action size, H W pixels, P proprioception, Q what is read from a
// tick: proprioception, and where the logs had it the environment's state.
import type { Backend, Decoder, Heads, Memory, Shown } from "./backend.js";
import { normals } from "./philox.js";
import { sample } from "./sampler.js";
import type { Uncertainty } from "./uncertainty.js";
import type { WorldManifest } from "./world-schema.js";

/** Where an episode starts: at its last frame. */
export interface Start {
  /** `[1 + s n, H, W, 3]` uint8. The first frame fills a tick alone. */
  readonly frames: Uint8Array;
  /** The action blocks that led through the frames after it, each `[s, A]`; n of them. */
  readonly actions: readonly Float32Array[];
  /** Where the robot is in the last frame, `[P]`, in the units of the world's names; else it is read from the frame. */
  readonly proprioception?: Float32Array;
}

/** One running world. Only `WorldModel` changes it. */
export interface Episode {
  /** In [0, 2^53): keys the noise. */
  readonly seed: number;
  readonly memory: Memory;
  readonly decoder: Decoder;
  /** Committed ticks since the reset, and those of the start state. */
  ticks: number;
  /** The latent of the last committed tick, `[L, C]`; zeros before the first. */
  latent: Float32Array;
  /** What was read from that tick, `[Q]`, normalised, its proprioception given at the start perhaps. */
  reading: Float32Array;
  /** What moved it, `[s A + Q]`: its action block, and the reading before it. */
  row: Float32Array;
  /** How strange its first latent was; see `Uncertainty`. */
  readonly beginning: number;
}

/** A tick's control: what moves it, and the reading that this is reckoned to lead to, `[Q]`. */
interface Control {
  readonly row: Float32Array;
  readonly aim: Float32Array;
}

/** What a tick shows. */
export interface Tick {
  /** `[s, H, W, 3]` uint8. */
  readonly frames: Uint8Array;
  /** `[P]` float32, in the units of the world's names. */
  readonly proprioception: Float32Array;
  /** For each task but the first. */
  readonly reward: Float32Array;
  /** Probability that the task is done, for each task but the first. */
  readonly success: Float32Array;
  /** In the units of the world's names; empty where the logs had none. */
  readonly environmentState: Float32Array;
  /** Number of the expert that the clean pass used. */
  readonly expert: number;
  /** In [0, 1]: the share of dreams of held-out logs whose ticks were less unlike the logs; where the world says. */
  readonly uncertainty?: number;
}

export class WorldModel {
  constructor(
    readonly manifest: WorldManifest,
    readonly backend: Backend,
    readonly uncertainty?: Uncertainty,
  ) {}

  /** A new episode, and the last tick of its start state. That tick's frames are the start's own, not decoded ones. */
  async reset(start: Start, seed: number): Promise<{ readonly episode: Episode; readonly tick: Tick }> {
    const { stride, action, dynamics, tokenizer } = this.manifest;
    const [still, size] = [new Float32Array(stride * action.channels.length), stride * this.#frameBytes];
    let frames = this.#repeated(start.frames);
    const first = await this.#seen(start, 0, frames);
    const row = joined([still, first.reading]); // at rest, as far as can be known
    const episode: Episode = {
      seed,
      memory: this.backend.dynamics.createMemory(),
      decoder: await this.backend.tokenizer.createDecoder(start.frames.subarray(0, this.#frameBytes)),
      ticks: 0,
      latent: new Float32Array(dynamics.tokens * tokenizer.latentChannels),
      reading: first.reading,
      row,
      beginning: this.uncertainty?.strangeness(first.latent) ?? 0,
    };
    let tick = await this.#finish(episode, first.latent, await this.#control(row, row), first.reading);
    for (const [i, action] of start.actions.entries()) {
      const from = this.#frameBytes + i * size;
      frames = start.frames.slice(from, from + size);
      const { latent, reading } = await this.#seen(start, i + 1, frames);
      const row = joined([action, episode.reading]);
      tick = await this.#finish(episode, latent, await this.#control(row, episode.row), reading);
    }
    return { episode, tick: { ...tick, frames } };
  }

  /**
   * The next ticks of `episode` under the action blocks `actions`, each `[s, A]`: a chunk, denoised jointly in `nfe`
   * evaluations. Each is committed before it is given; those that are not asked for are not made.
   */
  async *step(episode: Episode, actions: readonly Float32Array[], nfe: number): AsyncGenerator<Tick, void, void> {
    const { latent: previous, memory, seed, ticks } = episode;
    const { sampler, tokenizer } = this.manifest;
    const noise = joined(
      actions.map((_, k) => normals(seed, ticks + k, previous.length).map((x) => x * sampler.noise)),
    );
    const controls: Control[] = [];
    for (const action of actions) {
      const last = controls.at(-1);
      const row = joined([action, last?.aim ?? episode.reading]);
      controls.push(await this.#control(row, last?.row ?? episode.row));
    }
    const rows = joined(controls.map((control) => control.row));
    const aims = joined(controls.map((control) => control.aim));
    const denoise = (z: Float32Array, t: number, r: number) => memory.denoise(z, { previous, rows, aims }, t, r);
    const latents = await sample(denoise, noise, nfe, tokenizer.latentChannels);
    for (const [k, action] of actions.entries()) {
      const latent = latents.slice(k * previous.length, (k + 1) * previous.length);
      // Behind the first tick of a chunk there is a reading now, which is better than the reckoned one.
      const row = joined([action, episode.reading]);
      const control = k === 0 ? (controls[0] as Control) : await this.#control(row, episode.row);
      yield await this.#finish(episode, latent, control);
    }
  }

  /** What the tokenizer makes of a stream: `ticks`, each `[s, H, W, 3]` uint8, encoded and decoded. */
  async reconstruct(ticks: readonly Uint8Array[]): Promise<Uint8Array[]> {
    const decoded: Uint8Array[] = [];
    let decoder: Decoder | undefined;
    let before: Float32Array | undefined;
    for (const frames of ticks) {
      const encoded = await this.backend.tokenizer.encode(frames);
      decoder ??= await this.backend.tokenizer.createDecoder(frames.subarray(0, this.#frameBytes));
      decoded.push(await decoder.decode(encoded, before ?? encoded.reading));
      decoder.commit();
      before = encoded.reading;
    }
    return decoded;
  }

  // Tick `i` of a start: its latent, and its reading, of which the last tick's proprioception may be known.
  async #seen({ actions, proprioception }: Start, i: number, frames: Uint8Array): Promise<Shown> {
    const seen = await this.backend.tokenizer.encode(frames);
    if (!proprioception || i < actions.length) return seen;
    const { mean, std } = this.manifest.proprioception;
    const reading = seen.reading.slice();
    reading.set(proprioception.map((x, k) => (x - (mean[k] as number)) / (std[k] as number)));
    return { ...seen, reading };
  }

  async #control(row: Float32Array, before: Float32Array): Promise<Control> {
    return { row, aim: await this.backend.dynamics.reckon(row, before) };
  }

  // The clean pass, the pictures, and the commit, which is all or nothing. `known`: the reading, where the tick was seen.
  async #finish(episode: Episode, latent: Float32Array, { row, aim }: Control, known?: Float32Array): Promise<Tick> {
    const { latent: previous, reading: before } = episode;
    const heads = await episode.memory.read(latent, { previous, rows: row, aims: aim });
    const reading = known ?? heads.reading;
    const frames = await episode.decoder.decode({ latent, reading }, before);
    episode.memory.commit();
    episode.decoder.commit();
    episode.latent = latent;
    episode.reading = reading;
    episode.row = row;
    episode.ticks++;
    const uncertainty = this.uncertainty?.of(latent, row, episode.beginning);
    return { frames, ...this.#readable({ ...heads, reading }), ...(uncertainty !== undefined && { uncertainty }) };
  }

  #readable({ reward, success, reading, experts }: Heads): Omit<Tick, "frames" | "uncertainty"> {
    const { names, mean, std, low, high } = this.manifest.proprioception;
    const environment = this.manifest.environmentState;
    return {
      reward,
      success: success.map((logit) => 1 / (1 + Math.exp(-logit))),
      proprioception: reading
        .slice(0, names.length)
        .map((x, i) => Math.min(high, Math.max(low, x * (std[i] as number) + (mean[i] as number)))),
      environmentState: reading
        .slice(names.length)
        .map((x, i) => x * (environment?.std[i] as number) + (environment?.mean[i] as number)),
      expert: experts.indexOf(Math.max(...experts)),
    };
  }

  // The first frame `stride` times.
  #repeated(frames: Uint8Array): Uint8Array {
    const bytes = this.#frameBytes;
    const tick = new Uint8Array(this.manifest.stride * bytes);
    for (let at = 0; at < tick.length; at += bytes) tick.set(frames.subarray(0, bytes), at);
    return tick;
  }

  get #frameBytes(): number {
    return this.manifest.frame.height * this.manifest.frame.width * 3;
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
