// What the plain loops of an op are given.
import type { Dense } from "./dense.js";
import type { Op } from "./op.js";
import type { Tensor } from "./tensor.js";

export interface Values {
  /** The numbers of what the op reads, in the shape that it reads them in. */
  read(tensor: Tensor): Dense;
  weight(name: string): Dense;
  /** The shape of what the op makes, with this run's sizes. */
  shape(tensor: Tensor): readonly number[];
}

/** What an op makes, by the names of its `out`. */
export type Reference<O extends Op> = (op: O, values: Values) => { readonly [Name in keyof O["out"]]: Dense };
