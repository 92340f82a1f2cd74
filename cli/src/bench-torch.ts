// The same world in PyTorch: a program of bench/ in a process of its own, which reads what it is asked for line by line, and answers with a line each.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { createInterface, type Interface } from "node:readline";
import { WorldError } from "@worldstep/protocols";
import { pythonCommand } from "./python.js";
import { inRepository } from "./shipped.js";

export class Torch {
  private constructor(
    private readonly program: string,
    /** For example `PyTorch 2.5.1 (2 threads)`. */
    readonly version: string,
    private readonly child: ChildProcessWithoutNullStreams,
    private readonly lines: AsyncIterator<string>,
  ) {}

  /** Starts `program`, which loads the world in `folder`, by default with as many threads as the engine; a string says why this machine can't. */
  static async start(
    program: string,
    folder: string,
    threads: number = Math.min(availableParallelism(), 4),
    options: readonly string[] = [],
  ): Promise<Torch | string> {
    const path = inRepository(program);
    if (!existsSync(path)) return `${path} is not there; it comes with the repository`;
    const child = spawn(pythonCommand(), [path, folder, "--threads", String(threads), ...options]);
    const complaint: string[] = [];
    child.stderr.on("data", (text: Buffer) => complaint.push(text.toString()));
    child.on("error", (error) => complaint.push(error.message));
    child.stdin.on("error", () => {}); // of a process that ended: ask says so
    const reader: Interface = createInterface({ input: child.stdout });
    const lines = reader[Symbol.asyncIterator]();
    const first = await lines.next();
    if (first.done) {
      const last = complaint.join("").trim().split("\n").at(-1);
      return `${pythonCommand()}: ${last}. Set WORLDSTEP_PYTHON to a Python with torch and numpy`;
    }
    return new Torch(program, `${first.value} (${threads} threads)`, child, lines);
  }

  /** The program's answer. Throws `WorldError` (`bench_torch`) where it ended. */
  async ask(line: string): Promise<string> {
    this.child.stdin.write(`${line}\n`);
    const answer = await this.lines.next();
    if (answer.done) throw new WorldError("bench_torch", "the PyTorch process ended", `run ${this.program} by hand`);
    return answer.value;
  }

  close(): void {
    this.child.stdin.end();
  }
}
