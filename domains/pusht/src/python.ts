// The process in which gym-pusht runs: reality.py, one for all realities and policies of this process.
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { OptionError, WorldError } from "@worldstep/protocols";

const PROGRAM = fileURLToPath(new URL("../reality.py", import.meta.url));
/** Before a message: how many bytes of JSON, and how many of frames. */
const HEAD = 8;

/** What reality.py answers: JSON, and frames behind it. */
export interface Answer {
  readonly said: Readonly<Record<string, unknown>>;
  readonly frames: Uint8Array;
}

interface Waiting {
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/** Answers questions in the order in which they are asked. */
export class Python {
  static #shared: Promise<Python> | undefined;
  static #users = 0;
  #contacts = 0;
  #names = 0;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #waiting: Waiting[] = [];
  #arrived: Buffer = Buffer.alloc(0);
  #lost: WorldError | undefined;

  /** Of each one `close` is due. Throws `OptionError` (`python_missing`). */
  static async open(): Promise<Python> {
    Python.#users++;
    Python.#shared ??= Python.#started();
    try {
      return await Python.#shared;
    } catch (error) {
      Python.#users--;
      Python.#shared = undefined;
      throw error;
    }
  }

  static async #started(): Promise<Python> {
    const command = process.env.WORLDSTEP_PYTHON ?? "python3";
    const missing = (what: string, cause?: unknown) =>
      new OptionError(
        "python_missing",
        `${command} ${what}`,
        "pip install gym-pusht, and set WORLDSTEP_PYTHON to the Python that has it",
        { command },
        { cause },
      );
    const python = new Python(command);
    const { said } = await python.#next().catch((cause: unknown) => {
      throw missing("can't be run", cause);
    });
    if (said.missing !== undefined) throw missing(`has no ${said.missing}`);
    python.#contacts = said.contacts as number;
    return python;
  }

  private constructor(command: string) {
    this.#child = spawn(command, [PROGRAM], { stdio: ["pipe", "pipe", "inherit"] });
    this.#child.stdout.on("data", (bytes: Buffer) => this.#take(bytes));
    this.#child.stdin.on("error", () => {}); // it has ended, which is told below
    this.#child.on("error", (cause) => this.#lose(String(cause)));
    this.#child.on("close", (code, signal) => this.#lose(String(code ?? signal)));
  }

  /** Places on the outline of the T where one can push. */
  get contacts(): number {
    return this.#contacts;
  }

  /** A name for what is to be kept there. */
  name(): number {
    return this.#names++;
  }

  /** Throws `WorldError` (`reality_lost`). */
  ask(what: string, details: Readonly<Record<string, unknown>>): Promise<Answer> {
    const text = Buffer.from(JSON.stringify({ do: what, ...details }));
    const head = Buffer.alloc(HEAD);
    head.writeUInt32LE(text.length);
    if (!this.#lost) this.#child.stdin.write(Buffer.concat([head, text]));
    return this.#next();
  }

  /** Drops what was kept under `names`. */
  async forget(names: readonly number[]): Promise<void> {
    if (!this.#lost) await this.ask("forget", { kept: names });
  }

  /** The process ends when all who opened it have closed. */
  close(): void {
    if (--Python.#users > 0) return;
    Python.#shared = undefined;
    this.#child.stdin.end();
  }

  #next(): Promise<Answer> {
    if (this.#lost) return Promise.reject(this.#lost);
    this.#hold(true);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  // Whether this process may not end: while an answer is due, and not for a reality that nobody closed.
  #hold(isDue: boolean): void {
    for (const one of [this.#child, this.#child.stdout as unknown as Socket]) isDue ? one.ref() : one.unref();
  }

  #take(bytes: Buffer): void {
    this.#arrived = Buffer.concat([this.#arrived, bytes]);
    while (this.#arrived.length >= HEAD) {
      const end = HEAD + this.#arrived.readUInt32LE();
      const next = end + this.#arrived.readUInt32LE(4);
      if (this.#arrived.length < next) return;
      const said = JSON.parse(this.#arrived.toString("utf8", HEAD, end));
      this.#waiting.shift()?.resolve({ said, frames: Uint8Array.from(this.#arrived.subarray(end, next)) });
      this.#arrived = this.#arrived.subarray(next);
      if (this.#waiting.length === 0) this.#hold(false);
    }
  }

  #lose(why: string): void {
    const summary = `the process of gym-pusht ended (${why})`;
    this.#lost ??= new WorldError(
      "reality_lost",
      summary,
      "see its complaint on stderr, and run the command again",
      {},
    );
    for (const { reject } of this.#waiting.splice(0)) reject(this.#lost);
  }
}
