// The dynamics on ONNX Runtime. Runs read the context from buffers that are the same for all episodes; a run first puts
// there what the episode has and they have not, which between two ticks of one episode is one page.
import { Tensor } from "onnxruntime-node";
import type { ChunkInput, Context, Dynamics, Heads, Page } from "../backend.js";
import { SlidingWindow } from "../window.js";
import type { WorldManifest } from "../world-schema.js";
import { rotarySize, stateSize } from "../world-tensors.js";
import { writeTurns } from "./rotary.js";
import { type FloatTensor, type OrtSession, type Tensors, zeros } from "./session.js";

/** An empty slot gets this for a score: its softmax is exactly 0. */
const HIDDEN = -1e9;

/** Sessions of the graphs of dynamics-graph.ts. */
export interface DynamicsSessions {
  readonly tick: OrtSession;
  /** Where the world denoises several ticks jointly. */
  readonly chunk: OrtSession | undefined;
  readonly predictor: OrtSession;
}

export class OrtDynamics implements Dynamics {
  readonly empty: Context;
  readonly #slots: Slots;

  constructor(
    readonly sessions: DynamicsSessions,
    readonly manifest: WorldManifest,
  ) {
    const { width, heads, blocks } = manifest.dynamics;
    const D = width / heads;
    const memories = [...blocks].flatMap((kind, i) => (kind === "m" ? [`recurrent.${i}`] : []));
    const recurrent = Object.fromEntries(memories.map((name) => [name, new Float32Array(heads * D * D)]));
    this.empty = { ticks: 0, pages: [], recurrent };
    this.#slots = new Slots(manifest);
  }

  async predict(control: Float32Array, before: Float32Array): Promise<Float32Array> {
    const predicted = zeros(1, stateSize(this.manifest));
    await this.sessions.predictor.run({ control: tensor(control, 1), before: tensor(before, 1) }, { predicted });
    return predicted.data;
  }

  async denoise(context: Context, z: Float32Array, input: ChunkInput, t: number, r: number): Promise<Float32Array> {
    const { tokens } = this.manifest.dynamics;
    const { tick, chunk } = this.sessions;
    const ticks = z.length / input.previous.length;
    const session = ticks === 1 ? tick : chunk;
    if (!session) throw new Error(`a chunk of ${ticks} ticks, of a world without chunks`);
    const end = zeros(ticks * tokens, this.manifest.tokenizer.latentChannels);
    await session.run(() => this.#inputs(context, z, input, t, r), { end });
    return end.data;
  }

  async read(context: Context, z: Float32Array, input: ChunkInput): Promise<{ heads: Heads; context: Context }> {
    const { tasks, dynamics } = this.manifest;
    const { tokens, latent, heads: N, width, experts } = dynamics;
    const [D, scored] = [width / N, tasks.length - 1];
    const read = zeros(1, 2 * scored + stateSize(this.manifest));
    const logits = zeros(1, experts);
    const page: Record<string, FloatTensor> = {};
    const recurrent: Record<string, FloatTensor> = {};
    for (const [i, kind] of [...dynamics.blocks].entries()) {
      if (kind === "m") recurrent[`recurrent.${i}`] = zeros(N, D, D);
      else {
        page[`latents.${i}`] = zeros(tokens, latent);
        page[`rotary.${i}`] = zeros(tokens, rotarySize(dynamics));
      }
    }
    const made = Object.entries({ ...page, ...recurrent }).map(([name, kept]) => [`next.${name}`, kept] as const);
    await this.sessions.tick.run(() => this.#inputs(context, z, input, 0, 0), {
      heads: read,
      experts: logits,
      ...Object.fromEntries(made),
    });
    const pages = [...context.pages];
    pages[this.#slots.window.slot(context.ticks)] = dataOf(page);
    const numbers: Float32Array = read.data;
    return {
      heads: {
        reward: numbers.slice(0, scored),
        success: numbers.slice(scored, 2 * scored),
        state: numbers.slice(2 * scored),
        experts: logits.data,
      },
      context: { ticks: context.ticks + 1, pages, recurrent: dataOf(recurrent) },
    };
  }

  // Read when the run's turn comes: the slots are all episodes'.
  #inputs({ ticks, pages, recurrent }: Context, z: Float32Array, input: ChunkInput, t: number, r: number): Tensors {
    const { manifest } = this;
    const { heads, width, contextLevel, tokens } = manifest.dynamics;
    const { previous, controls, predicted } = input;
    const K = z.length / previous.length;
    const D = width / heads;
    const states = Object.entries(recurrent).map(([name, data]) => [name, new Tensor("float32", data, [heads, D, D])]);
    return {
      z: tensor(z, K * tokens),
      previous: tensor(previous, tokens),
      controls: tensor(controls, K),
      predicted: tensor(predicted, K),
      levels: tensor(Float32Array.of(t, t - r, contextLevel), 3),
      ...Object.fromEntries(states),
      ...this.#slots.show(ticks, pages),
    };
  }
}

interface Turns {
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

/** The context's tokens as runs read them, slot behind slot; what the slots show changes from run to run. */
class Slots {
  readonly window: SlidingWindow;
  /** Of a tick. */
  readonly tokens: number;
  readonly #tensors: Readonly<Record<string, FloatTensor>>;
  /** By age: what turns the rotary parts of a tick's keys. */
  readonly #turns: readonly Turns[];
  /** What an empty slot shows: no other episode's page. */
  readonly #nothing: Page;
  readonly #shown: Page[] = [];
  #ticks: number | undefined;

  constructor({ dynamics }: WorldManifest) {
    const { tokens, blocks, latent, rotary, window } = dynamics;
    const [S, R] = [tokens * (window + 1), rotarySize(dynamics)];
    [this.window, this.tokens] = [new SlidingWindow(window), tokens];
    const tensors: Record<string, FloatTensor> = { cos: zeros(S, R), sin: zeros(S, R), hidden: zeros(1, S) };
    const nothing: Record<string, Float32Array> = {};
    for (const [i, kind] of [...blocks].entries()) {
      if (kind === "m") continue;
      for (const [name, size] of [
        [`latents.${i}`, latent],
        [`rotary.${i}`, R],
      ] as const) {
        tensors[name] = zeros(S, size);
        nothing[name] = new Float32Array(tokens * size);
      }
    }
    [this.#tensors, this.#nothing] = [tensors, nothing];
    this.#turns = Array.from({ length: window + 2 }, (_, age) => {
      const turns = { cos: new Float32Array(tokens * R), sin: new Float32Array(tokens * R) };
      writeTurns(turns.cos, turns.sin, rotary, -age);
      return turns;
    });
  }

  /** The tensors, of what tick number `ticks` sees: `pages`, by slot. */
  show(ticks: number, pages: readonly Page[]): Tensors {
    for (let slot = 0; slot <= this.window.size; slot++) {
      const page = pages[slot] ?? this.#nothing;
      if (this.#shown[slot] === page) continue;
      for (const [name, data] of Object.entries(page)) this.#tensors[name]?.data.set(data, slot * data.length);
      this.#shown[slot] = page;
    }
    if (this.#ticks !== ticks) this.#age(ticks);
    this.#ticks = ticks;
    return this.#tensors;
  }

  #age(ticks: number): void {
    const { cos, sin, hidden } = this.#tensors as Record<"cos" | "sin" | "hidden", FloatTensor>;
    for (let slot = 0; slot <= this.window.size; slot++) {
      const age = this.window.age(slot, ticks);
      const turns = this.#turns[age ?? 0] as Turns;
      cos.data.set(turns.cos, slot * turns.cos.length);
      sin.data.set(turns.sin, slot * turns.sin.length);
      hidden.data.fill(age === undefined ? HIDDEN : 0, slot * this.tokens, (slot + 1) * this.tokens);
    }
  }
}

function tensor(data: Float32Array, rows: number): Tensor {
  return new Tensor("float32", data, [rows, data.length / rows]);
}

function dataOf(tensors: Readonly<Record<string, FloatTensor>>): Record<string, Float32Array> {
  return Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, data]));
}
