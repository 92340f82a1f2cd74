// What runs the plans of a world. A backend knows no sessions: numbers go in, numbers come out, and nothing is kept.
import type { Plan } from "@worldstep/kernels";
import type { Weights } from "./model/recorder.js";

export type Data = Float32Array | Uint8Array | Int32Array;

/** Numbers in a shape, row-major. */
export interface Numbers {
  readonly shape: readonly number[];
  readonly data: Data;
}

/** Of a plan's inputs or outputs, by name. */
export type Bindings = Readonly<Record<string, Numbers>>;

/** A plan that can run, for any number of sessions and ticks. */
export interface Program {
  readonly plan: Plan;
  /** A buffer for the inputs of a run, of so many `bytes` or more. What is in it is anything. */
  room(bytes: number): ArrayBuffer;
  /** `outputs`: those that are wanted, by name. Takes the buffers that `inputs` lie in: nobody else reads them again. */
  run(inputs: Bindings, outputs: readonly string[]): Promise<Bindings>;
}

/**
 * How matrices are held. `fp32`: as they are. `int8`: symmetric int8 with one scale an output channel; activations are quantised as they come,
 * with one scale a row, so that no row changes another's bits.
 */
export type Precision = "fp32" | "int8";

/**
 * What attention makes of what is kept. `absorbed`: nothing; queries are turned into what latents are compared with. `made`: keys and values of
 * all heads at each run, as the training's code does, which takes longer and is the same up to rounding: to be compared with.
 */
export type Keys = "absorbed" | "made";

export interface Backend {
  /** Names what its bits depend on besides the plan: a session goes on in no other than it began in. */
  readonly kind: string;
  compile(plan: Plan, weights: Weights, precision: Precision): Promise<Program>;
  /** Frees the programs. Later runs reject (`env_closed`). */
  close(): Promise<void>;
}
