// A thread that ONNX Runtime runs in: onnxruntime-node runs a graph on the thread that calls it, and a socket's thread must not stand still.
import { Worker } from "node:worker_threads";
import { WorldError } from "@worldstep/protocols";
import type { Bindings } from "../../backend.js";
import type { Answer, Call, Options } from "./worker.js";

// A thread begins with JavaScript, also where this file is run as it was written: so it is the built one, whose place is the same from both.
const WORKER = new URL("../../../dist/backends/ort/worker.js", import.meta.url);

interface Waiting {
  readonly resolve: (made: Bindings | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** Calls are done one at a time, in the order in which they came. It does not keep the process alive but while somebody waits for it. */
export class OrtThread {
  readonly #worker = new Worker(WORKER, { execArgv: [] });
  readonly #waiting = new Map<number, Waiting>();
  readonly #rooms: ArrayBuffer[] = [];
  #calls = 0;
  #sessions = 0;
  #end: WorldError | undefined;

  constructor() {
    this.#worker.unref();
    this.#worker.on("message", (answer: Answer) => this.#answered(answer));
    this.#worker.on("error", (error) => this.#ended(error));
    this.#worker.on("exit", (code) => this.#ended(new Error(`exit code ${code}`)));
  }

  /** The number of a new session of an ONNX `model`, whose bytes are gone then. */
  async create(model: Uint8Array, options: Options): Promise<number> {
    const session = this.#sessions++;
    const isWhole = model.byteLength === model.buffer.byteLength;
    const own = isWhole ? model : new Uint8Array(model); // else others lie in the same buffer
    await this.#ask({ do: "create", session, model: own, options }, [own.buffer as ArrayBuffer]);
    return session;
  }

  /** A buffer of so many bytes or more, of a run that is done perhaps: what is new has to be cleared first, page by page. */
  room(bytes: number): ArrayBuffer {
    const room = this.#rooms.pop();
    return room && room.byteLength >= bytes ? room : new ArrayBuffer(bytes);
  }

  /** The buffers of `inputs` are gone then. */
  async run(session: number, inputs: Bindings, outputs: readonly string[]): Promise<Bindings> {
    const buffers = new Set(Object.values(inputs).map(({ data }) => data.buffer as ArrayBuffer));
    return (await this.#ask({ do: "run", session, inputs, outputs }, [...buffers])) as Bindings;
  }

  /** Waits for the calls before it, and frees everything. */
  async close(): Promise<void> {
    if (this.#end) return;
    await this.#ask({ do: "release" });
    await this.#worker.terminate();
  }

  #ask(call: Call, transfer: readonly ArrayBuffer[] = []): Promise<Bindings | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#end) return reject(this.#end);
      const number = this.#calls++;
      this.#worker.postMessage({ number, call }, transfer);
      this.#waiting.set(number, { resolve, reject });
      this.#worker.ref();
    });
  }

  #answered({ number, made, rooms, error }: Answer): void {
    this.#rooms.push(...rooms);
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (this.#waiting.size === 0) this.#worker.unref();
    if (!error) waiting?.resolve(made);
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
