// The tokenizer on ONNX Runtime. A decoder has two sets of buffers for its state: the committed tick's, which a run
// reads, and the next one's, which it writes; a commit swaps them.
import { Tensor } from "onnxruntime-node";
import type { Decoder, Shown, Tokenizer } from "../backend.js";
import type { WorldManifest } from "../world-schema.js";
import { readingSize } from "../world-tensors.js";
import { type OrtSession, type Tensors, zeros } from "./session.js";

interface State {
  readonly memory8: Tensor;
  readonly memory4: Tensor;
}

export class OrtTokenizer implements Tokenizer {
  constructor(
    readonly encoder: OrtSession,
    readonly decoder: OrtSession,
    /** Where the world's streams have an appearance. */
    readonly appearance: OrtSession | undefined,
    readonly manifest: WorldManifest,
  ) {}

  async encode(frames: Uint8Array): Promise<Shown> {
    const { dynamics, tokenizer } = this.manifest;
    const z = zeros(dynamics.tokens, tokenizer.latentChannels);
    const reading = zeros(1, readingSize(this.manifest));
    await this.encoder.run({ frames: new Tensor("uint8", frames, frameShape(this.manifest)) }, { z, reading });
    return { latent: z.data, reading: reading.data };
  }

  async createDecoder(frame: Uint8Array): Promise<Decoder> {
    const { height, width } = this.manifest.frame;
    const first = new Tensor("uint8", Uint8Array.from(frame), [height, width, 3]);
    if (this.appearance === undefined) return new OrtDecoder(this.decoder, this.manifest, { first });
    const appearance = zeros(1, this.manifest.tokenizer.appearance);
    await this.appearance.run({ frame: first }, { appearance });
    return new OrtDecoder(this.decoder, this.manifest, { first, appearance });
  }
}

class OrtDecoder implements Decoder {
  #past: State;
  #next: State;
  #isStaged = false;

  /** begun: what it knows of the stream's first frame: inputs of every run. */
  constructor(
    readonly session: OrtSession,
    readonly manifest: WorldManifest,
    readonly begun: Tensors,
  ) {
    this.#past = emptyState(manifest);
    this.#next = emptyState(manifest);
  }

  async decode({ latent, reading }: Shown, before: Float32Array): Promise<Uint8Array> {
    this.#isStaged = false;
    const { dynamics, tokenizer } = this.manifest;
    const shape = frameShape(this.manifest);
    const frames = new Uint8Array(shape.reduce((product, size) => product * size, 1)); // the caller keeps them
    const z = new Tensor("float32", latent, [1, dynamics.tokens, tokenizer.latentChannels]);
    await this.session.run(
      { z, before: row(before), now: row(reading), ...this.begun, ...this.#past },
      { frames: new Tensor("uint8", frames, shape), next8: this.#next.memory8, next4: this.#next.memory4 },
    );
    this.#isStaged = true;
    return frames;
  }

  commit(): void {
    if (!this.#isStaged) throw new Error("commit() without a decode() before it");
    this.#isStaged = false;
    [this.#past, this.#next] = [this.#next, this.#past];
  }
}

function row(data: Float32Array): Tensor {
  return new Tensor("float32", data, [1, data.length]);
}

function emptyState({ frame, tokenizer }: WorldManifest): State {
  const [, b, c] = tokenizer.widths;
  return {
    memory8: zeros(1, c, frame.height / 8, frame.width / 8),
    memory4: zeros(1, b, frame.height / 4, frame.width / 4),
  };
}

function frameShape({ stride, frame }: WorldManifest): number[] {
  return [stride, frame.height, frame.width, 3];
}
