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
import type { Episode, Moment, Start } from "./episode.js";
import { joined } from "./joined.js";
import { expertOf, type Move, type Networks, type Shown } from "./networks.js";
import { normals } from "./philox.js";
import { checkFinite, knowing, readingOf } from "./reading.js";
import { sample } from "./sampler.js";
import { stillTick } from "./start-frames.js";
import type { StateRollout } from "./state-rollout.js";
import { cameraOf, type WorldManifest } from "./world/schema.js";

export class WorldModel {
  constructor(
    readonly manifest: WorldManifest,
    readonly networks: Networks,
  ) {}

  /** The beginning of an episode: the last tick of its start state. That tick's frames are the start's own, not decoded ones. */
  async reset(start: Start, seed: number): Promise<Moment> {
    const { stride, action, dynamics, tokenizer } = this.manifest;
    const [still, size] = [new Float32Array(stride * action.channels.length), stride * this.#frameBytes];
    let frames = stillTick(start.frames.subarray(0, this.#frameBytes), stride);
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

  // Tick `i` of a start: its latent, and its state, of which the last tick's proprioception may be known.
  async #seen({ actions, proprioception }: Start, i: number, frames: Uint8Array): Promise<Shown> {
    const seen = await this.networks.encode(frames);
    if (!proprioception || i < actions.length) return seen;
    return { ...seen, state: knowing(this.manifest.state, seen.state, proprioception) };
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
        ...readingOf(this.manifest.state, { ...heads, state }),
        expert: expertOf(move),
        ...(uncertainty !== undefined && { uncertainty }),
      },
    };
  }

  get #frameBytes(): number {
    const { height, width } = cameraOf(this.manifest);
    return height * width * 3;
  }
}
