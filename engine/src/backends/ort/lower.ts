// A plan as one ONNX graph. Sizes that are a run's own (sessions of the batch, ticks of the chunk) stay free, so that one graph, and one copy of
// the weights, serves all of them.
import type { AnyOp, OpKind, OpOf, Plan } from "@worldstep/kernels";
import type { Keys, Precision } from "../../backend.js";
import type { Weights } from "../../model/recorder.js";
import * as attention from "./lower-attention.js";
import * as pictures from "./lower-pictures.js";
import * as vectors from "./lower-vectors.js";
import { Lowering } from "./lowering.js";

/** Adds an op's nodes to the graph. */
const LOWER: { readonly [Kind in OpKind]: (on: Lowering, op: OpOf<Kind>) => void } = {
  ...attention,
  ...pictures,
  ...vectors,
};

/** The bytes of the ONNX model of `plan`. Its inputs and outputs have the plan's names. */
export function lower(
  plan: Plan,
  weights: Weights,
  precision: Precision = "fp32",
  keys: Keys = "absorbed",
): Uint8Array {
  const on = new Lowering(plan, weights, precision, keys);
  for (const [name, tensor] of Object.entries(plan.inputs)) on.input(name, tensor);
  for (const op of plan.ops) (LOWER[op.kind] as (on: Lowering, op: AnyOp) => void)(on, op);
  for (const [name, tensor] of Object.entries(plan.outputs)) on.output(name, tensor);
  return on.graph.build();
}
