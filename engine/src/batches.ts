// Runs for one session each, gathered into batches: what waits for the same program, with as many ticks, for the same expert, goes together.
//
// Nobody waits for a batch to fill: a run takes whatever waits when the one before is done. What has waited longest goes first, and with it all
// that fits. A row of a batch has the bits that it has alone (backends/ort/lower.ts), so that it does not matter who comes along.
import type { Bindings, Data, Numbers, Program } from "./backend.js";

/** Sessions of one run, at most: a run holds up the thread that it is on, and what more would gain is little. */
const MOST = 8;

/** An input of one session: its numbers, or parts of equal size that lie behind one another, zeros where there is none. */
export type Part = Numbers | { readonly shape: readonly number[]; readonly parts: readonly (Data | undefined)[] };

/** Inputs of one session, without the axis of the batch; of what all of a batch have in common, all of it. */
export type Parts = Readonly<Record<string, Part>>;

interface Waiting {
  readonly program: Program;
  readonly key: string;
  readonly outputs: readonly string[];
  readonly inputs: Parts;
  readonly resolve: (outputs: Bindings) => void;
  readonly reject: (error: unknown) => void;
}

export class Batches {
  #waiting: Waiting[] = [];
  #isRunning = false;

  /**
   * The `outputs`, by default all, of one session, without the axis of the batch. Runs with the same `program`, `key` and outputs may go
   * together.
   */
  run(
    program: Program,
    inputs: Parts,
    { key = "", outputs = Object.keys(program.plan.outputs) }: { key?: string; outputs?: readonly string[] } = {},
  ): Promise<Bindings> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ program, key: `${key} ${outputs}`, outputs, inputs, resolve, reject });
      if (!this.#isRunning) void this.#runAll();
    });
  }

  async #runAll(): Promise<void> {
    this.#isRunning = true;
    await Promise.resolve(); // who is told of the same run comes back at the same time
    for (let batch = this.#next(); batch.length > 0; batch = this.#next()) {
      await run(batch);
      await new Promise(setImmediate); // and asks for its next one
    }
    this.#isRunning = false;
  }

  #next(): Waiting[] {
    const [first] = this.#waiting;
    const goes = (one: Waiting) => one.program === first?.program && one.key === first.key;
    const batch = this.#waiting.filter(goes).slice(0, MOST);
    const taken = new Set(batch);
    this.#waiting = this.#waiting.filter((one) => !taken.has(one));
    return batch;
  }
}

async function run(batch: readonly Waiting[]): Promise<void> {
  const [{ program, outputs: wanted }] = batch as [Waiting];
  try {
    const outputs = await program.run(stacked(program, batch), wanted);
    for (const [b, { resolve }] of batch.entries()) resolve(rowOf(outputs, b));
  } catch (error) {
    for (const { reject } of batch) reject(error);
  }
}

function stacked({ plan }: Program, batch: readonly Waiting[]): Bindings {
  const entries = Object.entries(plan.inputs).map(([name, { shape, dtype }]) => {
    const parts = batch.map(({ inputs }) => inputs[name] ?? missing(plan.name, name));
    const [first] = parts as [Part];
    if (shape[0] !== "B") return [name, first as Numbers] as const;
    const size = first.shape.reduce((product, count) => product * count, 1);
    const count = size * batch.length;
    const data =
      dtype === "u8" ? new Uint8Array(count) : dtype === "i32" ? new Int32Array(count) : new Float32Array(count);
    for (const [b, part] of parts.entries()) {
      const pieces = "data" in part ? [part.data] : part.parts;
      for (const [i, piece] of pieces.entries()) if (piece) data.set(piece, b * size + (i * size) / pieces.length);
    }
    return [name, { shape: [batch.length, ...first.shape], data }] as const;
  });
  return Object.fromEntries(entries);
}

function missing(plan: string, name: string): never {
  throw new Error(`${plan} wants ${name}`);
}

// A copy, so that what is kept of one session does not keep the others'.
function rowOf(outputs: Bindings, b: number): Bindings {
  const entries = Object.entries(outputs).map(
    ([
      name,
      {
        shape: [, ...shape],
        data,
      },
    ]) => {
      const size = shape.reduce((product, count) => product * count, 1);
      return [name, { shape, data: data.slice(b * size, (b + 1) * size) }] as const;
    },
  );
  return Object.fromEntries(entries);
}
