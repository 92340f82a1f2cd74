// An ONNX Runtime session on the CPU. onnxruntime-node runs a graph on the thread that calls it (and its own pool), one
// turn of the event loop a run; a lane keeps the runs of one world apart and in order.
import { WorldError } from "@worldstep/protocols";
import { InferenceSession, Tensor } from "onnxruntime-node";
import type { Lane } from "../lane.js";

// How long a thread of a session's pool waits awake for work, in microseconds: about as long as a node lasts. One that
// sleeps at once wakes too late to help with the next node, and one that spins on starves whatever shares the machine.
const SPIN_US = "100";

export type Tensors = Readonly<Record<string, Tensor>>;

export class OrtSession {
  #closed = false;

  private constructor(
    readonly session: InferenceSession,
    readonly lane: Lane,
  ) {}

  /** threads: of the session's own pool, the calling thread counted. */
  static async create(model: Uint8Array, lane: Lane, threads: number): Promise<OrtSession> {
    const extra = { session: { intra_op: { spin_duration_us: SPIN_US } } };
    const session = await InferenceSession.create(model, {
      executionProviders: ["cpu"],
      graphOptimizationLevel: "all",
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      extra,
    });
    return new OrtSession(session, lane);
  }

  /**
   * Runs the graph on `inputs`, writing into the tensors of `outputs`; other outputs are dropped. A function is asked for
   * the inputs when the run's turn has come.
   */
  run(inputs: Tensors | (() => Tensors), outputs: Tensors): Promise<unknown> {
    return this.lane.run(() => {
      if (this.#closed) throw new WorldError("env_closed", "the world of this env is closed", "open it again");
      return this.session.run(typeof inputs === "function" ? inputs() : inputs, outputs);
    });
  }

  close(): Promise<void> {
    return this.lane.run(async () => {
      if (!this.#closed) await this.session.release();
      this.#closed = true;
    });
  }
}

export type FloatTensor = Tensor & { readonly data: Float32Array };

/** A float32 tensor of zeros in memory of its own, which runs read and write in place. */
export function zeros(...shape: readonly number[]): FloatTensor {
  const count = shape.reduce((product, size) => product * size, 1);
  return new Tensor("float32", new Float32Array(count), shape) as FloatTensor;
}
