// What an op is, whichever.
import type { Made, Tensor } from "./tensor.js";

export type Attribute = number | boolean | string | readonly Attribute[];

/** One operation of a plan: what it reads and makes, by names that its kind has for them, and its weights' names. */
export interface Op<Kind extends string = string> {
  readonly kind: Kind;
  readonly in: Readonly<Record<string, Tensor | readonly Tensor[]>>;
  readonly out: Readonly<Record<string, Tensor>>;
  readonly weights: Readonly<Record<string, string | readonly string[]>>;
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** What there is to know of an op before it made anything. */
export type Asked<O extends Op> = Omit<O, "out">;

/** The shape of a weight, by its name; throws where there is none. */
export type WeightShape = (name: string) => readonly number[];

/** The rule of a kind: what it makes of what it is asked. Throws `ShapeError`. */
export type Rule<O extends Op> = (
  asked: Asked<O>,
  weightShape: WeightShape,
) => { readonly [Name in keyof O["out"]]: Made };

export function inputsOf(op: Pick<Op, "in">): Tensor[] {
  return Object.values(op.in).flat();
}
