// The words that the networks are written in. Each checks the shapes of what it is given, adds an op to the plan, and returns what the op
// makes. Batch leads every shape.
import {
  type Activation,
  type AnyOp,
  type Asked,
  type Attribute,
  type Dtype,
  type Made,
  type Op,
  type OpKind,
  type OpOf,
  type Plan,
  RULES,
  type Rule,
  type Shape,
  ShapeError,
  show,
  sizeOf,
  type Tensor,
} from "@worldstep/kernels";
import type { Weight } from "../world/safetensors.js";

export type Weights = ReadonlyMap<string, Weight>;

interface Added {
  /** Added before the activation. */
  readonly plus?: readonly Tensor[];
  readonly activation?: Activation;
  /** Added behind it. */
  readonly onto?: Tensor;
}

interface Convolution extends Added {
  readonly stride?: number;
  /** Whether it reads what is above 0 alone. */
  readonly rectified?: boolean;
}

export class Recorder {
  readonly #ops: AnyOp[] = [];
  readonly #inputs: Record<string, Tensor> = {};
  readonly #outputs: Record<string, Tensor> = {};
  readonly #carries: [string, string][] = [];
  readonly #weights: Map<string, Weight>;
  #count = 0;

  constructor(
    readonly name: string,
    weights: Weights,
  ) {
    this.#weights = new Map(weights);
  }

  input(name: string, shape: Shape, dtype: Dtype = "f32"): Tensor {
    const tensor = this.#tensor({ shape, dtype });
    this.#inputs[name] = tensor;
    return tensor;
  }

  output(name: string, tensor: Tensor): void {
    this.#outputs[name] = tensor;
  }

  /** An output that takes the place of the input `name` in the next run. */
  carry(name: string, tensor: Tensor): void {
    this.output(`next.${name}`, tensor);
    this.#carries.push([name, `next.${name}`]);
  }

  /** What was recorded, and the weights that it reads: the world's, and what was derived from them. */
  plan(): { readonly plan: Plan; readonly weights: Weights } {
    const plan = {
      name: this.name,
      inputs: this.#inputs,
      outputs: this.#outputs,
      carries: this.#carries,
      ops: this.#ops,
    };
    return { plan, weights: this.#weights };
  }

  weight(name: string): Weight {
    const weight = this.#weights.get(name);
    if (!weight) throw new Error(`no weight "${name}": the list in world/tensors.ts lacks it`);
    return weight;
  }

  has(name: string): boolean {
    return this.#weights.has(name);
  }

  /** Gives what was made of weights a name of its own. */
  derive(name: string, weight: Weight): string {
    this.#weights.set(name, weight);
    return name;
  }

  /** The same numbers in another shape. Throws `ShapeError`. */
  view(tensor: Tensor, ...shape: Shape): Tensor {
    const [from, to] = [sizeOf(tensor.shape), sizeOf(shape)];
    if (from.count !== to.count || from.free !== to.free) {
      throw new ShapeError(`${show(tensor.shape)} has other numbers than ${show(shape)}`);
    }
    return { ...tensor, shape };
  }

  /** A layer `name.weight`, with `name.bias` where it has one, of parts `x` side by side. */
  linear(x: readonly Tensor[], name: string, { plus = [], onto, activation = "none" }: Added = {}): Tensor {
    return this.#add("linear", { x, plus, onto: onto ? [onto] : [] }, this.#layer(name), { activation }).y;
  }

  /** A convolution of pictures `x`, their channels side by side. */
  conv(x: readonly Tensor[], name: string, options: Convolution = {}): Tensor {
    const { plus = [], onto, activation = "none", stride = 1, rectified = false } = options;
    const attributes = { stride, rectified, activation };
    return this.#add("conv", { x, plus, onto: onto ? [onto] : [] }, this.#layer(name), attributes).y;
  }

  add(x: readonly Tensor[], activation: Activation = "none"): Tensor {
    return this.#add("add", { x }, {}, { activation }).y;
  }

  subtract(a: Tensor, b: Tensor, factor = 1): Tensor {
    return this.#add("subtract", { a, b }, {}, { factor }).y;
  }

  /** How far each of the pictures side by side in `made` is from the one in `first`. */
  apart(made: Tensor, first: Tensor): Tensor {
    return this.#add("apart", { made, first }, {}, {}).y;
  }

  fourier(x: Tensor, rates: readonly number[]): Tensor {
    return this.#add("fourier", { x }, {}, { rates }).y;
  }

  sinusoid(levels: Tensor, size: number, radians: number): Tensor {
    return this.#add("sinusoid", { levels }, {}, { size, radians }).y;
  }

  views(x: Tensor, orders: readonly (readonly number[])[], units: readonly string[], isDifference: boolean): Tensor {
    return this.#add("views", { x }, { units }, { orders, isDifference }).y;
  }

  mergeViews(x: Tensor, orders: readonly (readonly number[])[], units: readonly string[], shared: number): Tensor {
    return this.#add("mergeViews", { x }, { units }, { orders, shared }).y;
  }

  settle(state: Tensor, change: Tensor, least: number, range: readonly string[] = []): Tensor {
    return this.#add("settle", { state, change }, { range }, { least }).y;
  }

  between(a: Tensor, b: Tensor, steps: number): Tensor {
    return this.#add("between", { a, b }, {}, { steps }).y;
  }

  modulate(x: Tensor, modulation: Tensor, at: number): Tensor {
    return this.#add("modulate", { x, modulation }, {}, { at }).y;
  }

  gate(x: Tensor, branch: Tensor, modulation: Tensor, at: number): Tensor {
    return this.#add("gate", { x, branch, modulation }, {}, { at }).y;
  }

  rms(x: Tensor, ...parts: readonly number[]): Tensor {
    return this.#add("rms", { x }, {}, { parts }).y;
  }

  attend(
    { query, own, past, ages }: { query: Tensor; own: Tensor; past?: Tensor; ages?: Tensor },
    weights: OpOf<"attend">["weights"],
    attributes: OpOf<"attend">["attributes"],
  ): Tensor {
    const context = { past: past ? [past] : [], ages: ages ? [ages] : [] };
    return this.#add("attend", { query, own, ...context }, weights, attributes).y;
  }

  deltaRead(x: Tensor, state: Tensor, heads: number): Tensor {
    return this.#add("deltaRead", { x, state }, {}, { heads }).y;
  }

  deltaWrite(x: Tensor, rates: Tensor, state: Tensor, decay: string, heads: number): Tensor {
    return this.#add("deltaWrite", { x, rates, state }, { decay }, { heads }).y;
  }

  /** The one of the experts of these names that `expert` says. */
  feedForward(x: Tensor, expert: Tensor, names: readonly string[]): Tensor {
    const each = (part: string) => names.map((name) => `${name}.${part}`);
    const weights = {
      up: each("up.weight"),
      upBias: each("up.bias"),
      down: each("down.weight"),
      downBias: each("down.bias"),
    };
    return this.#add("feedForward", { x, expert }, weights, {}).y;
  }

  softPool(x: Tensor, maps: Tensor, rowFirst: boolean): Tensor {
    return this.#add("softPool", { x, maps }, {}, { rowFirst }).y;
  }

  mean(x: Tensor): Tensor {
    return this.#add("mean", { x }, {}, {}).y;
  }

  /** Four pixels into one place's channels. */
  shuffleDown(x: Tensor): Tensor {
    return this.#add("shuffle", { x }, {}, { up: false }).y;
  }

  shuffleUp(x: Tensor): Tensor {
    return this.#add("shuffle", { x }, {}, { up: true }).y;
  }

  pool(x: Tensor, size: number): Tensor {
    return this.#add("pool", { x }, {}, { size }).y;
  }

  lattice(points: Tensor, size: number): Tensor {
    return this.#add("lattice", { points }, {}, { size }).y;
  }

  /** Pictures after one another, side by side. */
  stack(x: Tensor): Tensor {
    return this.#add("stack", { x }, {}, {}).y;
  }

  slice(x: Tensor, axis: number, from: number, to: number): Tensor {
    return this.#add("slice", { x }, {}, { axis, from, to }).y;
  }

  blend(made: Tensor, first: Tensor, kept: Tensor): Tensor {
    return this.#add("blend", { made, first, kept }, {}, {}).y;
  }

  fromPixels(x: Tensor): Tensor {
    return this.#add("fromPixels", { x }, {}, {}).y;
  }

  toPixels(x: Tensor): Tensor {
    return this.#add("toPixels", { x }, {}, {}).y;
  }

  mahalanobis(x: Tensor, mean: string, axes: string): Tensor {
    return this.#add("mahalanobis", { x }, { mean, axes }, {}).y;
  }

  rank(x: readonly Tensor[], scale: string, levels: string): Tensor {
    return this.#add("rank", { x }, { scale, levels }, {}).y;
  }

  /** A weight as a tensor, of every batch. */
  table(name: string, ...shape: readonly number[]): Tensor {
    return this.#add("table", {}, { table: name }, { shape, byTick: false }).y;
  }

  /** The first T rows, each of `shape`, of a weight with a row a tick. */
  tableOfTicks(name: string, ...shape: readonly number[]): Tensor {
    return this.#add("table", {}, { table: name }, { shape, byTick: true }).y;
  }

  #layer(name: string) {
    const bias = this.has(`${name}.bias`) ? [`${name}.bias`] : [];
    return { weight: `${name}.weight`, bias };
  }

  #add<Kind extends OpKind>(
    kind: Kind,
    inputs: OpOf<Kind>["in"],
    weights: OpOf<Kind>["weights"],
    attributes: OpOf<Kind>["attributes"] & Readonly<Record<string, Attribute>>,
  ): OpOf<Kind>["out"] {
    const asked = { kind, in: inputs, weights, attributes } as unknown as Asked<OpOf<Kind>>;
    const rule = RULES[kind] as unknown as Rule<Op>;
    const made = rule(asked as Asked<Op>, (name) => this.weight(name).shape);
    const out = Object.fromEntries(Object.entries(made).map(([name, tensor]) => [name, this.#tensor(tensor)]));
    this.#ops.push({ ...asked, out } as unknown as AnyOp);
    return out as OpOf<Kind>["out"];
  }

  #tensor({ shape, dtype }: Made): Tensor {
    return { id: this.#count++, shape, dtype };
  }
}
