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
      await new Promise(process.nextTick); // and asks for its next one
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

// Where the inputs of a run begin in their buffer: as far from each other as processors read at once.
const ALIGNMENT = 64;

const ARRAYS = { f32: Float32Array, u8: Uint8Array, i32: Int32Array };

// The inputs of all sessions of a batch, behind one another.
function stacked({ plan, room }: Program, batch: readonly Waiting[]): Bindings {
  let bytes = 0;
  const places = Object.entries(plan.inputs).map(([name, { shape, dtype }]) => {
    const parts = batch.map(({ inputs }) => inputs[name] ?? missing(plan.name, name));
    const [first] = parts as [Part];
    const isShared = shape[0] !== "B";
    const whole = isShared ? first.shape : [batch.length, ...first.shape];
    const [from, size] = [bytes, sizeOf(whole)];
    bytes += Math.ceil((size * ARRAYS[dtype].BYTES_PER_ELEMENT) / ALIGNMENT) * ALIGNMENT;
    return { name, shape: whole, dtype, from, size, parts: isShared ? [first] : parts };
  });
  const buffer = room(bytes);
  const entries = places.map(({ name, shape, dtype, from, size, parts }) => {
    const data = new ARRAYS[dtype](buffer, from, size);
    const pieces = parts.flatMap((part) => ("data" in part ? [part.data] : part.parts));
    const each = size / pieces.length;
    for (const [i, piece] of pieces.entries()) {
      if (piece) data.set(piece, i * each);
      else data.fill(0, i * each, (i + 1) * each);
    }
    return [name, { shape, data }] as const;
  });
  return Object.fromEntries(entries);
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, count) => product * count, 1);
}

function missing(plan: string, name: string): never {
  throw new Error(`${plan} wants ${name}`);
}

// A copy where there are others, so that what is kept of one session does not keep theirs.
function rowOf(outputs: Bindings, b: number): Bindings {
  const entries = Object.entries(outputs).map(
    ([
      name,
      {
        shape: [, ...shape],
        data,
      },
    ]) => {
      const size = sizeOf(shape);
      const isAll = size === data.length;
      return [name, { shape, data: isAll ? data : data.slice(b * size, (b + 1) * size) }] as const;
    },
  );
  return Object.fromEntries(entries);
}
