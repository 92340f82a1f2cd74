// The tokenizer on ONNX Runtime.
import { Tensor } from "onnxruntime-node";
import type { Shown, Stream, Tokenizer } from "../backend.js";
import type { WorldManifest } from "../world-schema.js";
import { readingSize } from "../world-tensors.js";
import { type OrtSession, zeros } from "./session.js";

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

  async begin(frame: Uint8Array): Promise<Stream> {
    const first = Uint8Array.from(frame);
    const memory = Object.fromEntries(this.#memory().map(([name, tensor]) => [name, tensor.data]));
    if (this.appearance === undefined) return { first, memory };
    const appearance = zeros(1, this.manifest.tokenizer.appearance);
    await this.appearance.run({ frame: picture(first, this.manifest) }, { appearance });
    return { first, appearance: appearance.data, memory };
  }

  async decode(stream: Stream, { latent, reading }: Shown, before: Float32Array) {
    const { dynamics, tokenizer } = this.manifest;
    const shape = frameShape(this.manifest);
    const frames = new Uint8Array(shape.reduce((product, size) => product * size, 1));
    const next = this.#memory();
    const past = next.map(([name, { dims }]) => [
      name,
      new Tensor("float32", stream.memory[name] as Float32Array, dims),
    ]);
    await this.decoder.run(
      {
        z: new Tensor("float32", latent, [1, dynamics.tokens, tokenizer.latentChannels]),
        before: row(before),
        now: row(reading),
        first: picture(stream.first, this.manifest),
        ...(stream.appearance && { appearance: row(stream.appearance) }),
        ...Object.fromEntries(past),
      },
      {
        frames: new Tensor("uint8", frames, shape),
        ...Object.fromEntries(next.map(([name, tensor]) => [`next.${name}`, tensor])),
      },
    );
    const memory = Object.fromEntries(next.map(([name, tensor]) => [name, tensor.data]));
    return { frames, stream: { ...stream, memory } };
  }

  // What its memory blocks keep of a tick, as before the first.
  #memory() {
    const { frame, tokenizer } = this.manifest;
    const [, b, c] = tokenizer.widths;
    return [
      ["memory8", zeros(1, c, frame.height / 8, frame.width / 8)],
      ["memory4", zeros(1, b, frame.height / 4, frame.width / 4)],
    ] as const;
  }
}

function row(data: Float32Array): Tensor {
  return new Tensor("float32", data, [1, data.length]);
}

function picture(frame: Uint8Array, { frame: { height, width } }: WorldManifest): Tensor {
  return new Tensor("uint8", frame, [height, width, 3]);
}

function frameShape({ stride, frame }: WorldManifest): number[] {
  return [stride, frame.height, frame.width, 3];
}
