// Plans on ONNX Runtime's CPU provider. onnxruntime-node runs a graph on the thread that calls it, and its own pool.
import { availableParallelism } from "node:os";
import type { Plan } from "@worldstep/kernels";
import { WorldError } from "@worldstep/protocols";
import { env, InferenceSession, Tensor } from "onnxruntime-node";
import type { Backend, Bindings, Numbers, Precision, Program } from "../../backend.js";
import type { Weights } from "../../model/recorder.js";
import { lower } from "./lower.js";

// How long a thread of a session's pool waits awake for work, in microseconds: about as long as a node lasts. One that
// sleeps at once wakes too late to help with the next node, and one that spins on starves whatever shares the machine.
const SPIN_US = "100";

export class OrtBackend implements Backend {
  readonly #sessions: InferenceSession[] = [];
  #running: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  /** threads: of each run, at least 1. Default: the cores of the machine, at most 4. */
  constructor(readonly threads = Math.min(availableParallelism(), 4)) {}

  get kind(): string {
    return `onnxruntime ${env.versions.common} ${process.arch} threads ${this.threads}`;
  }

  async compile(plan: Plan, weights: Weights, precision: Precision): Promise<Program> {
    const session = await InferenceSession.create(lower(plan, weights, precision), {
      executionProviders: ["cpu"],
      graphOptimizationLevel: "all",
      intraOpNumThreads: this.threads,
      interOpNumThreads: 1,
      logSeverityLevel: 3,
      extra: { session: { intra_op: { spin_duration_us: SPIN_US } } },
    });
    this.#sessions.push(session);
    return { plan, run: (inputs, outputs) => this.#run(session, inputs, outputs) };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
    for (const session of this.#sessions.splice(0)) await session.release();
  }

  async #run(session: InferenceSession, inputs: Bindings, outputs: readonly string[]): Promise<Bindings> {
    if (this.#isClosed) throw new WorldError("env_closed", "the world of this env is closed", "open it again");
    const feeds = Object.entries(inputs).map(([name, numbers]) => [name, tensorOf(numbers)] as const);
    const run = session.run(Object.fromEntries(feeds), [...outputs]);
    this.#running = run.catch(() => undefined); // the caller hears of it
    const made = Object.entries(await run).map(([name, { dims, data }]) => {
      return [name, { shape: dims, data: data as Numbers["data"] }] as const;
    });
    return Object.fromEntries(made);
  }
}

function tensorOf({ shape, data }: Numbers): Tensor {
  if (data instanceof Uint8Array) return new Tensor("uint8", data, shape);
  if (data instanceof Int32Array) return new Tensor("int32", data, shape);
  return new Tensor("float32", data, shape);
}
