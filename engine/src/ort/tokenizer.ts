// The tokenizer on ONNX Runtime.
import { Tensor } from "onnxruntime-node";
import type { DecoderState, Shown, Tokenizer } from "../backend.js";
import { cameraOf, type WorldManifest } from "../world-schema.js";
import { stateSize } from "../world-tensors.js";
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
    const state = zeros(1, stateSize(this.manifest));
    await this.encoder.run({ frames: new Tensor("uint8", frames, frameShape(this.manifest)) }, { z, state });
    return { latent: z.data, state: state.data };
  }

  async begin(frame: Uint8Array): Promise<DecoderState> {
    const first = Uint8Array.from(frame);
    const past = Object.fromEntries(this.#past().map(([name, tensor]) => [name, tensor.data]));
    if (this.appearance === undefined) return { first, past };
    const appearance = zeros(1, this.manifest.tokenizer.appearance);
    await this.appearance.run({ frame: picture(first, this.manifest) }, { appearance });
    return { first, appearance: appearance.data, past };
  }

  async decode(from: DecoderState, { latent, state }: Shown, before: Float32Array) {
    const { dynamics, tokenizer } = this.manifest;
    const shape = frameShape(this.manifest);
    const frames = new Uint8Array(shape.reduce((product, size) => product * size, 1));
    const next = this.#past();
    const past = next.map(([name, { dims }]) => [name, new Tensor("float32", from.past[name] as Float32Array, dims)]);
    await this.decoder.run(
      {
        z: new Tensor("float32", latent, [1, dynamics.tokens, tokenizer.latentChannels]),
        before: row(before),
        now: row(state),
        first: picture(from.first, this.manifest),
        ...(from.appearance && { appearance: row(from.appearance) }),
        ...Object.fromEntries(past),
      },
      {
        frames: new Tensor("uint8", frames, shape),
        ...Object.fromEntries(next.map(([name, tensor]) => [`next.${name}`, tensor])),
      },
    );
    const seen = Object.fromEntries(next.map(([name, tensor]) => [name, tensor.data]));
    return { frames, next: { ...from, past: seen } };
  }

  // What its memory blocks see of the tick before, as at the first.
  #past() {
    const { height, width } = cameraOf(this.manifest);
    const [, b, c] = this.manifest.tokenizer.widths;
    return [
      ["memory8", zeros(1, c, height / 8, width / 8)],
      ["memory4", zeros(1, b, height / 4, width / 4)],
    ] as const;
  }
}

function row(data: Float32Array): Tensor {
  return new Tensor("float32", data, [1, data.length]);
}

function picture(frame: Uint8Array, world: WorldManifest): Tensor {
  const { height, width } = cameraOf(world);
  return new Tensor("uint8", frame, [height, width, 3]);
}

function frameShape(world: WorldManifest): number[] {
  const { height, width } = cameraOf(world);
  return [world.stride, height, width, 3];
}
