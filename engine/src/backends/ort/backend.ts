// Plans on ONNX Runtime's CPU provider.
import { availableParallelism } from "node:os";
import type { Plan } from "@worldstep/kernels";
import { WorldError } from "@worldstep/protocols";
import { env } from "onnxruntime-node";
import type { Backend, Bindings, Keys, Precision, Program } from "../../backend.js";
import type { Weights } from "../../model/recorder.js";
import { lower } from "./lower.js";
import { type Runtime, Sessions } from "./sessions.js";
import { SessionsThread } from "./thread.js";

// How long a thread of a session's pool waits awake for work, in microseconds: about as long as a node lasts. One that
// sleeps at once wakes too late to help with the next node, and one that spins on starves whatever shares the machine.
const SPIN_US = "100";

export interface OrtOptions {
  /** Of each run, at least 1. Default: the cores of the machine, at most 4. */
  readonly threads?: number | undefined;
  /** Whether runs leave the thread that asks for them free. Default: false. */
  readonly background?: boolean | undefined;
  /** Default: `absorbed`. */
  readonly keys?: Keys | undefined;
}

export class OrtBackend implements Backend {
  readonly threads: number;
  readonly keys: Keys;
  readonly #runtime: Runtime;
  #isClosed = false;

  constructor({
    threads = Math.min(availableParallelism(), 4),
    background = false,
    keys = "absorbed",
  }: OrtOptions = {}) {
    this.threads = threads;
    this.keys = keys;
    this.#runtime = background ? new SessionsThread() : new Sessions();
  }

  get kind(): string {
    const made = this.keys === "made" ? " keys made" : "";
    return `onnxruntime ${env.versions.common} ${process.arch} threads ${this.threads}${made}`;
  }

  async compile(plan: Plan, weights: Weights, precision: Precision): Promise<Program> {
    const session = await this.#runtime.create(lower(plan, weights, precision, this.keys), {
      executionProviders: ["cpu"],
      graphOptimizationLevel: "all",
      intraOpNumThreads: this.threads,
      interOpNumThreads: 1,
      logSeverityLevel: 3,
      extra: { session: { intra_op: { spin_duration_us: SPIN_US } } },
    });
    const room = (bytes: number) => this.#runtime.room(bytes);
    return { plan, room, run: (inputs, outputs) => this.#run(session, inputs, outputs) };
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return this.#runtime.close();
  }

  async #run(session: number, inputs: Bindings, outputs: readonly string[]): Promise<Bindings> {
    if (this.#isClosed) throw new WorldError("env_closed", "the world of this env is closed", "open it again");
    return this.#runtime.run(session, inputs, outputs);
  }
}
