// Inference sessions on a thread of their own: the thread of sockets must not stand still while a graph runs.
import { Worker } from "node:worker_threads";
import { WorldError } from "@worldstep/protocols";
import type { Bindings } from "../../backend.js";
import { buffersOf, type Options, Rooms, type Runtime } from "./sessions.js";
import type { Answer, Call, Made } from "./worker.js";

// A thread begins with JavaScript, also where this file is run as it was written: so it is the built one, whose place is the same from both.
const WORKER = new URL("../../../dist/backends/ort/worker.js", import.meta.url);

interface Waiting {
  readonly resolve: (made: Made) => void;
  readonly reject: (error: unknown) => void;
}

/** It does not keep the process alive but while somebody waits for it. */
export class SessionsThread implements Runtime {
  readonly #worker = new Worker(WORKER, { execArgv: [] });
  readonly #waiting = new Map<number, Waiting>();
  readonly #rooms = new Rooms();
  #calls = 0;
  #end: WorldError | undefined;
  #closing: Promise<void> | undefined;

  constructor() {
    this.#worker.unref();
    this.#worker.on("message", (answer: Answer) => this.#answered(answer));
    this.#worker.on("error", (error) => this.#ended(error));
    this.#worker.on("exit", (code) => this.#ended(new Error(`exit code ${code}`)));
  }

  async create(model: Uint8Array, options: Options): Promise<number> {
    const isWhole = model.byteLength === model.buffer.byteLength;
    const own = isWhole ? model : new Uint8Array(model); // else others lie in the same buffer
    const { session } = await this.#ask({ do: "create", model: own, options }, [own.buffer as ArrayBuffer]);
    return session as number;
  }

  room(bytes: number): ArrayBuffer {
    return this.#rooms.take(bytes);
  }

  async run(session: number, inputs: Bindings, outputs: readonly string[]): Promise<Bindings> {
    const made = await this.#ask({ do: "run", session, inputs, outputs }, buffersOf(inputs));
    return made.outputs as Bindings;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#end) return;
    await this.#ask({ do: "close" });
    await this.#worker.terminate();
  }

  #ask(call: Call, transfer: readonly ArrayBuffer[] = []): Promise<Made> {
    return new Promise((resolve, reject) => {
      if (this.#end) return reject(this.#end);
      const number = this.#calls++;
      this.#worker.postMessage({ number, call }, transfer);
      this.#waiting.set(number, { resolve, reject });
      this.#worker.ref();
    });
  }

  #answered({ number, made, rooms, error }: Answer): void {
    this.#rooms.give(rooms);
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (this.#waiting.size === 0) this.#worker.unref();
    if (!error) waiting?.resolve(made as Made);
    else
      waiting?.reject(
        error.code === undefined ? error.thrown : Object.assign(error.thrown as Error, { code: error.code }),
      );
  }

  #ended(cause: Error): void {
    const remedy = "open the world again; if it ends again, give the machine more memory";
    const what = `the thread that runs the networks ended: ${cause.message}`;
    this.#end ??= new WorldError("backend_lost", what, remedy, { why: cause.message }, { cause });
    for (const { reject } of this.#waiting.values()) reject(this.#end);
    this.#waiting.clear();
  }
}
