// The same world stepped by PyTorch, in a process that is asked for so many ticks at a time: bench/torch_step.py.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { createInterface, type Interface } from "node:readline";
import { WorldError } from "@worldstep/protocols";
import { pythonCommand } from "./python.js";
import { inRepository } from "./shipped.js";

const PROGRAM = inRepository("bench/torch_step.py");

export class TorchStep {
  private constructor(
    /** For example `PyTorch 2.5.1 (2 threads)`. */
    readonly version: string,
    private readonly child: ChildProcessWithoutNullStreams,
    private readonly lines: AsyncIterator<string>,
  ) {}

  /** Loads the world in `folder`, by default with as many threads as the engine; a string says why this machine can't. */
  static async start(
    folder: string,
    threads: number = Math.min(availableParallelism(), 4),
  ): Promise<TorchStep | string> {
    if (!existsSync(PROGRAM)) return `${PROGRAM} is not there; it comes with the repository`;
    const child = spawn(pythonCommand(), [PROGRAM, folder, "--threads", String(threads)]);
    const complaint: string[] = [];
    child.stderr.on("data", (text: Buffer) => complaint.push(text.toString()));
    child.on("error", (error) => complaint.push(error.message));
    child.stdin.on("error", () => {}); // of a process that ended: medianStepMs says so
    const reader: Interface = createInterface({ input: child.stdout });
    const lines = reader[Symbol.asyncIterator]();
    const first = await lines.next();
    if (first.done) {
      const last = complaint.join("").trim().split("\n").at(-1);
      return `${pythonCommand()}: ${last}. Set WORLDSTEP_PYTHON to a Python with torch and numpy`;
    }
    return new TorchStep(`${first.value} (${threads} threads)`, child, lines);
  }

  /** Median milliseconds of `ticks` steps, after some that warm up. */
  async medianStepMs(ticks: number): Promise<number> {
    this.child.stdin.write(`${ticks}\n`);
    const line = await this.lines.next();
    if (line.done) throw new WorldError("bench_torch", "the PyTorch process ended", "run bench/torch_step.py by hand");
    return Number(line.value);
  }

  close(): void {
    this.child.stdin.end();
  }
}
