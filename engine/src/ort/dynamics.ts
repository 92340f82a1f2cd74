// The dynamics on ONNX Runtime. A memory owns every buffer that its runs read or write; none is copied or reallocated.
import { Tensor } from "onnxruntime-node";
import type { Dynamics, Heads, Memory, TickInput } from "../backend.js";
import { SlidingWindow } from "../window.js";
import type { WorldManifest } from "../world-schema.js";
import { controlSize } from "../world-tensors.js";
import { type OrtSession, type Tensors, zeros } from "./session.js";

export class OrtDynamics implements Dynamics {
  constructor(
    readonly session: OrtSession,
    readonly manifest: WorldManifest,
  ) {}

  createMemory(): Memory {
    return new OrtMemory(this.session, this.manifest);
  }
}

class OrtMemory implements Memory {
  readonly #window: SlidingWindow;
  readonly #index: BigInt64Array;
  readonly #z: Float32Array;
  readonly #previous: Float32Array;
  readonly #control: Float32Array;
  readonly #levels: Float32Array;
  readonly #inputs: Tensors;
  readonly #end: { readonly end: Tensor & { readonly data: Float32Array } };
  readonly #heads: Float32Array;
  readonly #clean: Tensors;
  /** For each page of a layer, keys or values: where it is staged, and the slots it is committed to. */
  readonly #pages: readonly { readonly staged: Float32Array; readonly slots: Float32Array }[];
  #isStaged = false;

  constructor(
    readonly session: OrtSession,
    readonly manifest: WorldManifest,
  ) {
    const { tokens, width, depth, heads, window } = manifest.dynamics;
    const C = manifest.tokenizer.latentChannels;
    const [S, D] = [tokens * (window + 1), width / heads];
    this.#window = new SlidingWindow(window);
    this.#index = new BigInt64Array(S);
    this.#refreshIndex();
    const inputs = {
      z: zeros(tokens, C),
      previous: zeros(tokens, C),
      control: zeros(1, controlSize(manifest)),
      levels: zeros(3, 1),
    };
    [this.#z, this.#previous] = [inputs.z.data, inputs.previous.data];
    [this.#control, this.#levels] = [inputs.control.data, inputs.levels.data];
    const names = Array.from({ length: depth }, (_, i) => [
      [`key.${i}`, `newKey.${i}`],
      [`value.${i}`, `newValue.${i}`],
    ]).flat() as [string, string][];
    const slots = names.map(() => zeros(S, heads, D));
    const staged = names.map(() => zeros(tokens, heads, D));
    this.#pages = staged.map(({ data }, i) => ({ staged: data, slots: (slots[i] as Tensor).data as Float32Array }));
    const context = Object.fromEntries(names.map(([name], i) => [name, slots[i] as Tensor]));
    this.#inputs = { ...inputs, index: new Tensor("int64", this.#index, [S]), ...context };
    this.#end = { end: zeros(tokens, C) };
    const read = zeros(1, 2 * (manifest.tasks.length - 1) + manifest.proprioception.names.length);
    this.#heads = read.data;
    this.#clean = { heads: read, ...Object.fromEntries(names.map(([, name], i) => [name, staged[i] as Tensor])) };
  }

  async denoise(z: Float32Array, input: TickInput, t: number, r: number): Promise<Float32Array> {
    this.#feed(z, input, t, r);
    await this.session.run(this.#inputs, this.#end);
    return this.#end.end.data;
  }

  async read(z: Float32Array, input: TickInput): Promise<Heads> {
    this.#isStaged = false;
    this.#feed(z, input, 0, 0);
    await this.session.run(this.#inputs, this.#clean);
    this.#isStaged = true;
    const tasks = this.manifest.tasks.length - 1;
    const heads = this.#heads;
    return {
      reward: heads.slice(0, tasks),
      success: heads.slice(tasks, 2 * tasks),
      proprioception: heads.slice(2 * tasks),
    };
  }

  commit(): void {
    if (!this.#isStaged) throw new Error("commit() without a read() before it");
    this.#isStaged = false;
    for (const { staged, slots } of this.#pages) slots.set(staged, this.#window.slot * staged.length);
    this.#window.push();
    this.#refreshIndex();
  }

  #feed(z: Float32Array, { previous, control }: TickInput, t: number, r: number): void {
    this.#z.set(z);
    this.#previous.set(previous);
    this.#control.set(control);
    this.#levels.set([t, t - r, this.manifest.dynamics.contextLevel]);
  }

  #refreshIndex(): void {
    const { tokens } = this.manifest.dynamics;
    for (let slot = 0; slot <= this.#window.size; slot++) {
      this.#index.fill(BigInt(this.#window.age(slot)), slot * tokens, (slot + 1) * tokens);
    }
  }
}
