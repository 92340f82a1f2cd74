// A network for a shape, as data: what it reads, in what order it computes what, and what it makes. Whoever runs one (a backend) decides how.
import { inputsOf, type Op } from "./op.js";
import type { Add } from "./ops/add/op.js";
import type { Apart } from "./ops/apart/op.js";
import type { Attend } from "./ops/attend/op.js";
import type { Between } from "./ops/between/op.js";
import type { Blend } from "./ops/blend/op.js";
import type { Conv } from "./ops/conv/op.js";
import type { DeltaRead } from "./ops/delta-read/op.js";
import type { DeltaWrite } from "./ops/delta-write/op.js";
import type { FeedForward } from "./ops/feed-forward/op.js";
import type { Fourier } from "./ops/fourier/op.js";
import type { FromPixels } from "./ops/from-pixels/op.js";
import type { Gate } from "./ops/gate/op.js";
import type { Lattice } from "./ops/lattice/op.js";
import type { Linear } from "./ops/linear/op.js";
import type { Mahalanobis } from "./ops/mahalanobis/op.js";
import type { Mean } from "./ops/mean/op.js";
import type { MergeViews } from "./ops/merge-views/op.js";
import type { Modulate } from "./ops/modulate/op.js";
import type { Pool } from "./ops/pool/op.js";
import type { Rank } from "./ops/rank/op.js";
import type { Rms } from "./ops/rms/op.js";
import type { Settle } from "./ops/settle/op.js";
import type { Shuffle } from "./ops/shuffle/op.js";
import type { Sinusoid } from "./ops/sinusoid/op.js";
import type { Slice } from "./ops/slice/op.js";
import type { SoftPool } from "./ops/soft-pool/op.js";
import type { Stack } from "./ops/stack/op.js";
import type { Subtract } from "./ops/subtract/op.js";
import type { Table } from "./ops/table/op.js";
import type { ToPixels } from "./ops/to-pixels/op.js";
import type { Views } from "./ops/views/op.js";
import { show, type Tensor } from "./tensor.js";

/** Every kind of op there is: a folder each in `ops/`. */
export type AnyOp =
  | Add
  | Apart
  | Attend
  | Between
  | Blend
  | Conv
  | DeltaRead
  | DeltaWrite
  | FeedForward
  | Fourier
  | FromPixels
  | Gate
  | Lattice
  | Linear
  | Mahalanobis
  | Mean
  | MergeViews
  | Modulate
  | Pool
  | Rank
  | Rms
  | Settle
  | Shuffle
  | Sinusoid
  | Slice
  | SoftPool
  | Stack
  | Subtract
  | Table
  | ToPixels
  | Views;

export type OpKind = AnyOp["kind"];
export type OpOf<Kind extends OpKind> = Extract<AnyOp, { readonly kind: Kind }>;

export interface Plan {
  readonly name: string;
  /** By name. */
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** Names of an input and of the output that takes its place in the next run. */
  readonly carries: readonly (readonly [read: string, write: string])[];
  /** In an order in which they can run. */
  readonly ops: readonly AnyOp[];
}

/** The names of all weights that a plan reads, each once. */
export function weightsOf({ ops }: Plan): string[] {
  return [...new Set(ops.flatMap((op: Op) => Object.values(op.weights).flat()))];
}

/** A plan in words, a line an op. Two plans are the same if what is printed is. */
export function print(plan: Plan): string {
  const named = (tensors: Readonly<Record<string, Tensor>>) =>
    Object.entries(tensors).map(([name, tensor]) => `${name} ${typed(tensor)}`);
  return [
    `plan ${plan.name}`,
    ...named(plan.inputs).map((line) => `  in ${line}`),
    ...plan.ops.map((op) => `  ${printedOp(op)}`),
    ...named(plan.outputs).map((line) => `  out ${line}`),
    ...plan.carries.map(([read, write]) => `  carry ${write} -> ${read}`),
    "",
  ].join("\n");
}

/** SHA-256 of a plan, in hex. */
export async function hash(plan: Plan): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(print(plan)));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function typed({ id, shape, dtype }: Tensor): string {
  return `%${id}: ${dtype}${show(shape)}`;
}

function printedOp(op: Op): string {
  const made = Object.values(op.out).map(typed).join(", ");
  const read = inputsOf(op).map(({ id, shape }) => `%${id}${show(shape)}`);
  const weights = Object.entries(op.weights).flatMap(([role, names]) =>
    [names].flat().map((name) => `${role}=${name}`),
  );
  const attributes = Object.entries(op.attributes).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return `${made} = ${op.kind}(${[...read, ...weights, ...attributes].join("; ")})`;
}
