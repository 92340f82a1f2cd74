// An ONNX Runtime session on the CPU. onnxruntime-node runs a graph on the thread that calls it (and its own pool), one
// turn of the event loop a run; a lane keeps the runs of one world apart and in order.
import { WorldError } from "@worldstep/protocols";
import { InferenceSession, Tensor } from "onnxruntime-node";
import type { Lane } from "../lane.js";

export type Tensors = Readonly<Record<string, Tensor>>;

export class OrtSession {
  #closed = false;

  private constructor(
    readonly session: InferenceSession,
    readonly lane: Lane,
  ) {}

  /** threads: of the session's own pool, the calling thread counted. */
  static async create(model: Uint8Array, lane: Lane, threads: number): Promise<OrtSession> {
    // Threads that spin while they wait starve whatever shares the machine; sleeping ones cost less than they gain here.
    const extra = { session: { intra_op: { allow_spinning: "0" } } };
    const session = await InferenceSession.create(model, {
      executionProviders: ["cpu"],
      graphOptimizationLevel: "all",
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      extra,
    });
    return new OrtSession(session, lane);
  }

  /** Runs the graph on `inputs`, writing into the tensors of `outputs`; other outputs are dropped. */
  run(inputs: Tensors, outputs: Tensors): Promise<unknown> {
    return this.lane.run(() => {
      if (this.#closed) throw new WorldError("env_closed", "the world of this env is closed", "open it again");
      return this.session.run(inputs, outputs);
    });
  }

  close(): Promise<void> {
    return this.lane.run(async () => {
      if (!this.#closed) await this.session.release();
      this.#closed = true;
    });
  }
}

/** A float32 tensor of zeros in memory of its own, which runs read and write in place. */
export function zeros(...shape: readonly number[]): Tensor & { readonly data: Float32Array } {
  const count = shape.reduce((product, size) => product * size, 1);
  return new Tensor("float32", new Float32Array(count), shape) as Tensor & { readonly data: Float32Array };
}
