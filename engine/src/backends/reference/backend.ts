// The backend that says what is right: plans in plain loops and float64. Far too slow to play with.

import type { Plan } from "@worldstep/kernels";
import { interpret } from "@worldstep/kernels/reference";
import type { Backend, Bindings, Program } from "../../backend.js";
import type { Weights } from "../../model/recorder.js";

/** Holds every precision as float64. */
export class ReferenceBackend implements Backend {
  readonly kind = "reference";

  async compile(plan: Plan, weights: Weights): Promise<Program> {
    const read = (name: string) => weights.get(name) ?? missing(name);
    const room = (bytes: number) => new ArrayBuffer(bytes);
    return { plan, room, run: async (inputs) => bindings(plan, interpret(plan, inputs, read)) };
  }

  async close(): Promise<void> {}
}

function missing(name: string): never {
  throw new Error(`no weight "${name}"`);
}

function bindings(plan: Plan, made: ReturnType<typeof interpret>): Bindings {
  const entries = Object.entries(made).map(([name, { shape, data }]) => {
    const isBytes = plan.outputs[name]?.dtype === "u8";
    return [name, { shape, data: isBytes ? Uint8Array.from(data) : Float32Array.from(data) }] as const;
  });
  return Object.fromEntries(entries);
}
