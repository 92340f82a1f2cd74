// The story of a tick. Read this file first.
//
//   reset(start)  ->  encode -> clean pass (page 0 is the sink) -> decode -> commit, for each tick of the start state
//   step(action)  ->  denoise (n NFE, over the context) -> clean pass (page and heads) -> decode -> commit
//
// Everything of a tick is computed into scratch and committed at once, at the end: a tick that fails leaves its episode
// as it was.
//
// Shapes: L tokens a tick, C latent channels, s stride, A action size, H W pixels, P proprioception.
import type { Backend, Decoder, Heads, Memory } from "./backend.js";
import { normals } from "./philox.js";
import { sample } from "./sampler.js";
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
  /** The proprioception that was read from that tick, or given at the start, `[P]`, normalised; zeros before the first. */
  reading: Float32Array;
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
}

export class WorldModel {
  constructor(
    readonly manifest: WorldManifest,
    readonly backend: Backend,
  ) {}

  /** A new episode, and the last tick of its start state. That tick's frames are the start's own, not decoded ones. */
  async reset(start: Start, seed: number): Promise<{ readonly episode: Episode; readonly tick: Tick }> {
    const { stride, action, dynamics, proprioception, tokenizer } = this.manifest;
    const episode: Episode = {
      seed,
      memory: this.backend.dynamics.createMemory(),
      decoder: this.backend.tokenizer.createDecoder(),
      ticks: 0,
      latent: new Float32Array(dynamics.tokens * tokenizer.latentChannels),
      reading: new Float32Array(proprioception.names.length),
    };
    const still = new Float32Array(stride * action.names.length);
    let frames = this.#repeated(start.frames);
    let tick = await this.#finish(episode, await this.backend.tokenizer.encode(frames), still);
    for (const [i, block] of start.actions.entries()) {
      frames = start.frames.slice((1 + i * stride) * this.#frameBytes, (1 + (i + 1) * stride) * this.#frameBytes);
      tick = await this.#finish(episode, await this.backend.tokenizer.encode(frames), block);
    }
    if (!start.proprioception) return { episode, tick: { ...tick, frames } };
    const { mean, std } = proprioception;
    episode.reading = start.proprioception.map((x, i) => (x - (mean[i] as number)) / (std[i] as number));
    return { episode, tick: { ...tick, frames, proprioception: start.proprioception.slice() } };
  }

  /** The next tick of `episode` under the action block `action` `[s, A]`, denoised in `nfe` evaluations. */
  async step(episode: Episode, action: Float32Array, nfe: number): Promise<Tick> {
    const { latent: previous, memory, seed, ticks } = episode;
    const { sampler, tokenizer } = this.manifest;
    const noise = normals(seed, ticks, previous.length).map((x) => x * sampler.noise);
    const input = { previous, control: control(action, episode) };
    const denoise = (z: Float32Array, t: number, r: number) => memory.denoise(z, input, t, r);
    return this.#finish(episode, await sample(denoise, noise, nfe, tokenizer.latentChannels), action);
  }

  /** What the tokenizer makes of a stream: `ticks`, each `[s, H, W, 3]` uint8, encoded and decoded. */
  async reconstruct(ticks: readonly Uint8Array[]): Promise<Uint8Array[]> {
    const decoder = this.backend.tokenizer.createDecoder();
    const decoded: Uint8Array[] = [];
    for (const frames of ticks) {
      decoded.push(await decoder.decode(await this.backend.tokenizer.encode(frames)));
      decoder.commit();
    }
    return decoded;
  }

  // The clean pass, the pictures, and the commit, which is all or nothing.
  async #finish(episode: Episode, latent: Float32Array, action: Float32Array): Promise<Tick> {
    const heads = await episode.memory.read(latent, { previous: episode.latent, control: control(action, episode) });
    const frames = await episode.decoder.decode(latent);
    episode.memory.commit();
    episode.decoder.commit();
    episode.latent = latent;
    episode.reading = heads.proprioception;
    episode.ticks++;
    return { frames, ...this.#readable(heads) };
  }

  #readable({ reward, success, proprioception }: Heads): Omit<Tick, "frames"> {
    const { mean, std, low, high } = this.manifest.proprioception;
    return {
      reward,
      success: success.map((logit) => 1 / (1 + Math.exp(-logit))),
      proprioception: proprioception.map((x, i) =>
        Math.min(high, Math.max(low, x * (std[i] as number) + (mean[i] as number))),
      ),
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

// What moves the next tick: the action block, and the proprioception that it moves on from.
function control(action: Float32Array, { reading }: Episode): Float32Array {
  const both = new Float32Array(action.length + reading.length);
  both.set(action);
  both.set(reading, action.length);
  return both;
}
