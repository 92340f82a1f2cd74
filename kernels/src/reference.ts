// Runs a plan as it is meant: op by op, in plain loops and float64. Slow; what all backends are held to.
import { type Dense, dense } from "./dense.js";
import type { Op } from "./op.js";
import type { Plan } from "./plan.js";
import type { Reference } from "./reference-op.js";
import { REFERENCES } from "./references.js";
import { type Dim, type Shape, ShapeError, show, type Tensor } from "./tensor.js";

export type { Dense } from "./dense.js";

/** Numbers in any array, row-major. */
export type Numbers = ArrayLike<number>;

/**
 * What `plan` makes of `inputs`, by name; `weights` by name too. The sizes B and T are those of the inputs. Throws `ShapeError` where an
 * input has another shape than the plan says.
 */
export function interpret(
  plan: Plan,
  inputs: Readonly<Record<string, { readonly shape: readonly number[]; readonly data: Numbers }>>,
  weights: (name: string) => { readonly shape: readonly number[]; readonly data: Numbers },
): Record<string, Dense> {
  const sizes: Partial<Record<Dim, number>> = {};
  const known = new Map<number, Float64Array>();
  const shapeOf = (shape: Shape): number[] => shape.map((dim) => (typeof dim === "number" ? dim : (sizes[dim] ?? 0)));
  for (const [name, tensor] of Object.entries(plan.inputs)) {
    const given = inputs[name];
    if (!given) throw new ShapeError(`${plan.name} wants ${name} ${show(tensor.shape)}`);
    for (const [axis, dim] of tensor.shape.entries())
      if (typeof dim === "string") sizes[dim] ??= given.shape[axis] ?? 0;
    const shape = shapeOf(tensor.shape);
    const data = Float64Array.from(given.data);
    if (String(shape) !== String(given.shape) || data.length !== dense(shape).data.length) {
      throw new ShapeError(`${plan.name} wants ${name} ${show(shape)}, and got ${show(given.shape)}`);
    }
    known.set(tensor.id, data);
  }
  const read = ({ id, shape }: Tensor): Dense => {
    const data = known.get(id);
    if (!data) throw new Error(`%${id} is read before it is made`);
    return { shape: shapeOf(shape), data };
  };
  const cache = new Map<string, Dense>();
  const weight = (name: string): Dense => {
    const made = cache.get(name) ?? { shape: weights(name).shape, data: Float64Array.from(weights(name).data) };
    cache.set(name, made);
    return made;
  };
  for (const op of plan.ops) {
    const run = REFERENCES[op.kind] as unknown as Reference<Op>;
    const made = run(op, { read, weight, shape: ({ shape }) => shapeOf(shape) });
    for (const [name, tensor] of Object.entries<Tensor>(op.out)) known.set(tensor.id, (made[name] as Dense).data);
  }
  return Object.fromEntries(Object.entries(plan.outputs).map(([name, tensor]) => [name, read(tensor)]));
}
