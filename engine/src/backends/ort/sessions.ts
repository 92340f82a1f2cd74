// Inference sessions of ONNX Runtime, on the thread that asks: onnxruntime-node runs a graph on the thread that calls it.
import { InferenceSession, Tensor } from "onnxruntime-node";
import type { Bindings, Numbers } from "../../backend.js";
import { Lane } from "../../lane.js";

export type Options = InferenceSession.SessionOptions;

/** Where inference sessions are: here, or on a thread of their own (thread.ts). Calls are done one at a time, in the order in which they came. */
export interface Runtime {
  /** The number of a new session of an ONNX `model`, whose bytes may be gone then. */
  create(model: Uint8Array, options: Options): Promise<number>;
  /** A buffer of so many bytes or more, of a run that is done perhaps: what is new has to be cleared first, page by page. */
  room(bytes: number): ArrayBuffer;
  /** The buffers of `inputs` are taken: they are rooms again when the run is done. */
  run(session: number, inputs: Bindings, outputs: readonly string[]): Promise<Bindings>;
  /** Waits for the calls before it, and frees everything. */
  close(): Promise<void>;
}

export class Sessions implements Runtime {
  readonly #sessions: InferenceSession[] = [];
  readonly #lane = new Lane();
  readonly #rooms = new Rooms();

  create(model: Uint8Array, options: Options): Promise<number> {
    return this.#lane.run(async () => this.#sessions.push(await InferenceSession.create(model, options)) - 1);
  }

  room(bytes: number): ArrayBuffer {
    return this.#rooms.take(bytes);
  }

  run(session: number, inputs: Bindings, outputs: readonly string[]): Promise<Bindings> {
    return this.#lane.run(async () => {
      try {
        const feeds = Object.entries(inputs).map(([name, numbers]) => [name, tensorOf(numbers)] as const);
        const made = await (this.#sessions[session] as InferenceSession).run(Object.fromEntries(feeds), outputs);
        const entries = Object.entries(made).map(([name, { dims, data }]) => {
          return [name, { shape: dims, data: data as Numbers["data"] }] as const;
        });
        return Object.fromEntries(entries);
      } finally {
        this.#rooms.give(buffersOf(inputs));
      }
    });
  }

  close(): Promise<void> {
    return this.#lane.run(async () => {
      for (const session of this.#sessions.splice(0)) await session.release();
    });
  }
}

/** Rooms that are kept: of the batches that a backend has at a time, and some. */
const MOST = 4;

/** Buffers that inputs lay in, to be written again: the largest of them, for not all that were given were taken here. */
export class Rooms {
  #free: ArrayBuffer[] = []; // smallest first

  take(bytes: number): ArrayBuffer {
    const at = this.#free.findIndex(({ byteLength }) => byteLength >= bytes);
    return (at < 0 ? undefined : this.#free.splice(at, 1)[0]) ?? new ArrayBuffer(bytes);
  }

  give(rooms: readonly ArrayBuffer[]): void {
    this.#free = [...this.#free, ...rooms].sort((a, b) => a.byteLength - b.byteLength).slice(-MOST);
  }
}

export function buffersOf(bindings: Bindings): ArrayBuffer[] {
  return [...new Set(Object.values(bindings).map(({ data }) => data.buffer as ArrayBuffer))];
}

function tensorOf({ shape, data }: Numbers): Tensor {
  if (data instanceof Uint8Array) return new Tensor("uint8", data, shape);
  if (data instanceof Int32Array) return new Tensor("int32", data, shape);
  return new Tensor("float32", data, shape);
}
