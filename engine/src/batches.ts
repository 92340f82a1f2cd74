// Runs for one session each, gathered into batches: what waits for the same program, with as many ticks, for the same expert, goes together.
//
// What has waited longest goes first, and with it all that fits. A full batch waits in the backend while another runs, so that the backend has no
// pause; what fills none goes when nothing runs and those of the batch before have been told, who may want to come along. A row of a batch has
// the bits that it has alone (backends/ort/lower.ts), so that it does not matter who does.
import type { Bindings, Data, Numbers, Program } from "./backend.js";

/** Sessions of one run, at most: what more would gain is little (docs/performance.md), and those behind wait. */
const MOST = 8;
/** Batches that a backend has at a time: one that runs, and one that waits. */
const AHEAD = 2;

/** An input of one session: its numbers, or parts of equal size that lie behind one another, zeros where there is none. */
export type Part = Numbers | { readonly shape: readonly number[]; readonly parts: readonly (Data | undefined)[] };

/** Inputs of one session, without the axis of the batch; of what all of a batch have in common, all of it. */
export type Parts = Readonly<Record<string, Part>>;

/** What goes together, of whom, by default all `outputs`, and `most` sessions at a time. */
export interface Asked {
  readonly key?: string;
  readonly outputs?: readonly string[];
  readonly most?: number;
}

interface Waiting {
  readonly program: Program;
  readonly key: string;
  readonly outputs: readonly string[];
  readonly most: number;
  readonly inputs: Parts;
  readonly resolve: (outputs: Bindings) => void;
  readonly reject: (error: unknown) => void;
}

export class Batches {
  #waiting: Waiting[] = [];
  #running = 0;
  /** Batches that are done, and whose sessions are being told. */
  #telling = 0;

  /**
   * The `outputs` of one session, without the axis of the batch. Runs with the same `program`, `key` and outputs may go together.
   */
  run(program: Program, inputs: Parts, asked: Asked = {}): Promise<Bindings> {
    const { key = "", outputs = Object.keys(program.plan.outputs), most = MOST } = asked;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ program, key: `${key} ${outputs}`, outputs, most, inputs, resolve, reject });
      queueMicrotask(() => this.#start()); // others may ask at the same time
    });
  }

  #start(): void {
    while (this.#waiting.length > 0 && this.#running < AHEAD) {
      const batch = this.#next();
      const [{ most }] = batch as [Waiting];
      if (batch.length < most && this.#running + this.#telling > 0) return;
      const taken = new Set(batch);
      this.#waiting = this.#waiting.filter((one) => !taken.has(one));
      void this.#run(batch);
    }
  }

  #next(): Waiting[] {
    const [first] = this.#waiting as [Waiting];
    const goes = (one: Waiting) => one.program === first.program && one.key === first.key;
    return this.#waiting.filter(goes).slice(0, first.most);
  }

  async #run(batch: readonly Waiting[]): Promise<void> {
    const [{ program, outputs }] = batch as [Waiting];
    this.#running++;
    const tell = await outcome(async () => program.run(stacked(program, batch), outputs));
    this.#running--;
    this.#telling++;
    this.#start();
    for (const [b, session] of batch.entries()) {
      if (b > 0) await new Promise(setImmediate); // who is told goes on at once: not all of them in one turn of the event loop
      tell(session, b);
    }
    await new Promise(process.nextTick); // and asks for its next run
    this.#telling--;
    this.#start();
  }
}

/** Tells a session, number b of its batch, what became of it. */
type Tell = (session: Waiting, b: number) => void;

async function outcome(run: () => Promise<Bindings>): Promise<Tell> {
  try {
    const made = await run();
    return ({ resolve }, b) => resolve(rowOf(made, b));
  } catch (error) {
    return ({ reject }) => reject(error);
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
