// The dynamics on ONNX Runtime. A memory owns every buffer that its runs read or write, and allocates none later.
import { Tensor } from "onnxruntime-node";
import type { ChunkInput, Dynamics, Heads, Memory } from "../backend.js";
import { SlidingWindow } from "../window.js";
import type { WorldManifest } from "../world-schema.js";
import { ROTARY, readingSize, rowSize } from "../world-tensors.js";
import { writeTurns } from "./rotary.js";
import { type FloatTensor, type OrtSession, type Tensors, zeros } from "./session.js";

/** An empty slot gets this for a score: its softmax is exactly 0. */
const HIDDEN = -1e9;

/** Gives the session for chunks of so many ticks. */
export type SessionOf = (ticks: number) => Promise<OrtSession>;

export class OrtDynamics implements Dynamics {
  constructor(
    readonly sessionOf: SessionOf,
    readonly reckoning: OrtSession,
    readonly manifest: WorldManifest,
  ) {}

  async reckon(row: Float32Array, before: Float32Array): Promise<Float32Array> {
    const aim = zeros(1, readingSize(this.manifest));
    const tensor = (data: Float32Array) => new Tensor("float32", data, [1, data.length]);
    await this.reckoning.run({ row: tensor(row), before: tensor(before) }, { aim });
    return aim.data;
  }

  createMemory(): Memory {
    return new OrtMemory(this.sessionOf, this.manifest);
  }
}

/** What the inputs of a session for chunks of one length hold of the chunk, and what it gives. */
interface ChunkBuffers {
  readonly z: FloatTensor;
  readonly previous: FloatTensor;
  readonly rows: FloatTensor;
  readonly aims: FloatTensor;
  readonly levels: FloatTensor;
  readonly end: FloatTensor;
}

/** Something that is kept of ticks: where the newest tick's is staged, and where it goes. */
interface Kept {
  readonly staged: Float32Array;
  readonly data: Float32Array;
  /** Whether each tick has a slot of its own. */
  readonly isPage: boolean;
}

class OrtMemory implements Memory {
  readonly #window: SlidingWindow;
  readonly #chunks = new Map<number, ChunkBuffers>();
  /** By slot: what turns its rotary keys, and what is added to its scores. */
  readonly #slots: { readonly cos: Float32Array; readonly sin: Float32Array; readonly hidden: Float32Array };
  readonly #context: Tensors;
  readonly #heads: Float32Array;
  readonly #experts: Float32Array;
  readonly #clean: Tensors;
  readonly #kept: Kept[] = [];
  #isStaged = false;

  constructor(
    readonly sessionOf: SessionOf,
    readonly manifest: WorldManifest,
  ) {
    const { tokens, width, blocks, heads, latent, experts, window } = manifest.dynamics;
    const [S, D] = [tokens * (window + 1), width / heads];
    this.#window = new SlidingWindow(window);
    const slots = { cos: zeros(S, ROTARY), sin: zeros(S, ROTARY), hidden: zeros(1, S) };
    this.#slots = { cos: slots.cos.data, sin: slots.sin.data, hidden: slots.hidden.data };
    this.#refreshSlots();
    const [past, staged]: [Record<string, Tensor>, Record<string, Tensor>] = [{}, {}];
    const keep = (name: string, newName: string, rows: number, ...size: readonly number[]): void => {
      const [all, newest] = [zeros(...size), zeros(rows, ...size.slice(1))];
      [past[name], staged[newName]] = [all, newest];
      this.#kept.push({ staged: newest.data, data: all.data, isPage: rows < (size[0] as number) });
    };
    for (const [i, kind] of [...blocks].entries()) {
      if (kind === "m") keep(`state.${i}`, `newState.${i}`, heads, heads, D, D);
      else {
        keep(`latents.${i}`, `newLatents.${i}`, tokens, S, latent);
        keep(`rotary.${i}`, `newRotary.${i}`, tokens, S, ROTARY);
      }
    }
    this.#context = { ...slots, ...past };
    const read = zeros(1, 2 * (manifest.tasks.length - 1) + readingSize(manifest));
    const logits = zeros(1, experts);
    [this.#heads, this.#experts] = [read.data, logits.data];
    this.#clean = { heads: read, experts: logits, ...staged };
  }

  async denoise(z: Float32Array, input: ChunkInput, t: number, r: number): Promise<Float32Array> {
    const { end, ...chunk } = this.#fed(z, input, t, r);
    const session = await this.sessionOf(chunk.rows.dims[0] as number);
    await session.run({ ...chunk, ...this.#context }, { end });
    return end.data;
  }

  async read(z: Float32Array, input: ChunkInput): Promise<Heads> {
    this.#isStaged = false;
    const { end: _, ...tick } = this.#fed(z, input, 0, 0);
    const session = await this.sessionOf(1);
    await session.run({ ...tick, ...this.#context }, this.#clean);
    this.#isStaged = true;
    const tasks = this.manifest.tasks.length - 1;
    const heads = this.#heads;
    return {
      reward: heads.slice(0, tasks),
      success: heads.slice(tasks, 2 * tasks),
      reading: heads.slice(2 * tasks),
      experts: this.#experts.slice(),
    };
  }

  commit(): void {
    if (!this.#isStaged) throw new Error("commit() without a read() before it");
    this.#isStaged = false;
    const { slot } = this.#window;
    for (const { staged, data, isPage } of this.#kept) data.set(staged, isPage ? slot * staged.length : 0);
    this.#window.push();
    this.#refreshSlots();
  }

  // The buffers of chunks as long as this one, filled with it.
  #fed(z: Float32Array, { previous, rows, aims }: ChunkInput, t: number, r: number): ChunkBuffers {
    const { tokens, contextLevel } = this.manifest.dynamics;
    const { latentChannels: C } = this.manifest.tokenizer;
    const ticks = z.length / previous.length;
    const made = this.#chunks.get(ticks) ?? {
      z: zeros(ticks * tokens, C),
      previous: zeros(tokens, C),
      rows: zeros(ticks, rowSize(this.manifest)),
      aims: zeros(ticks, readingSize(this.manifest)),
      levels: zeros(3, 1),
      end: zeros(ticks * tokens, C),
    };
    this.#chunks.set(ticks, made);
    made.z.data.set(z);
    made.previous.data.set(previous);
    made.rows.data.set(rows);
    made.aims.data.set(aims);
    made.levels.data.set([t, t - r, contextLevel]);
    return made;
  }

  #refreshSlots(): void {
    const { cos, sin, hidden } = this.#slots;
    const { tokens } = this.manifest.dynamics;
    for (let slot = 0; slot <= this.#window.size; slot++) {
      const age = this.#window.age(slot);
      const [from, to] = [slot * tokens, (slot + 1) * tokens];
      hidden.fill(age === undefined ? HIDDEN : 0, from, to);
      writeTurns(cos.subarray(from * ROTARY, to * ROTARY), sin.subarray(from * ROTARY, to * ROTARY), -(age ?? 0));
    }
  }
}
