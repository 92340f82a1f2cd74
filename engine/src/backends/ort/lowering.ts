// A graph on its way from a plan: what tensors look like to ONNX Runtime, and what many ops share.
//
// What ONNX Runtime multiplies has rows: tensors are kept as [rows, last], and pictures as [n, channels, h, w], until something wants them
// otherwise. Each row's numbers depend on that row alone (lower.test.ts): a session's bits are the same alone and among others.
import type { Activation, Plan, Shape, Tensor } from "@worldstep/kernels";
import type { Keys, Precision } from "../../backend.js";
import type { Weights } from "../../model/recorder.js";
import { Graph, type Value } from "./graph.js";
import { Layers } from "./layers.js";

/** Floats that Eigen computes at once, at most: of AVX-512. */
const PACKET = 16;

/** Planes [n, channels, h, w]; `order`: which channel of the tensor each is, where that is not the same. */
export interface Planes {
  readonly value: Value;
  readonly order?: readonly number[];
}

/** What is known of a tensor: its numbers in row-major order, in some shape, or as planes, or both. */
interface Known {
  flat?: Value;
  planes?: Planes;
  /** By shape: what they were reshaped to. */
  readonly shaped: Map<string, Value>;
}

export class Lowering {
  readonly graph: Graph;
  readonly layers: Layers;
  readonly #known = new Map<number, Known>();
  readonly #made = new Map<string, readonly Value[]>();

  constructor(
    { name }: Plan,
    weights: Weights,
    precision: Precision,
    readonly keys: Keys,
  ) {
    this.graph = new Graph(name);
    this.layers = new Layers(this.graph, weights, precision);
  }

  input(name: string, { id, shape, dtype }: Tensor): void {
    const type = ({ f32: "float32", u8: "uint8", i32: "int32" } as const)[dtype];
    const value = this.graph.input(name, type, shape);
    this.#known.set(id, { flat: value, shaped: new Map([[String(shape), value]]) });
    for (const [axis, dim] of shape.entries()) {
      if (typeof dim === "number") continue;
      this.once(dim, () => [this.graph.add("Shape", [value], { start: axis, end: axis + 1 })]);
    }
  }

  output(name: string, tensor: Tensor): void {
    const type = tensor.dtype === "u8" ? "uint8" : "float32";
    this.graph.output(name, this.graph.add("Identity", [this.whole(tensor)]), type, tensor.shape);
  }

  /** What has that name, made where nothing has it yet. */
  once(name: string, make: () => readonly Value[]): readonly Value[] {
    const made = this.#made.get(name) ?? make();
    this.#made.set(name, made);
    return made;
  }

  /** A size that is the run's own, `[1]` int64. */
  size(dim: "B" | "T"): Value {
    return this.once(dim, () => unknown(dim))[0] as Value;
  }

  /** Row-major, of whatever shape. */
  #flat(tensor: Tensor): Value {
    const known = this.#of(tensor);
    if (known.flat !== undefined) return known.flat;
    known.flat = this.graph.add("Transpose", [this.planes(tensor)], { perm: [0, 2, 3, 1] });
    return known.flat;
  }

  #of({ id }: Tensor): Known {
    const known = this.#known.get(id);
    if (!known) throw new Error(`%${id} is read before it is made`);
    return known;
  }

  /** `[rows, last]`. */
  rows(tensor: Tensor): Value {
    return this.as(tensor, -1, tensor.shape.at(-1) as number);
  }

  /** `[rows of places, places, last]`, the last two sizes as they are. */
  places(tensor: Tensor): Value {
    return this.as(tensor, -1, ...(tensor.shape.slice(-2) as number[]));
  }

  /** In a shape of numbers, of which one may be -1: what is left. */
  as(tensor: Tensor, ...shape: readonly number[]): Value {
    const known = this.#of(tensor);
    const made = known.shaped.get(String(shape)) ?? this.graph.reshape(this.#flat(tensor), ...shape);
    known.shaped.set(String(shape), made);
    return made;
  }

  /** In its own shape. */
  whole(tensor: Tensor): Value {
    const { shape } = tensor;
    const known = this.#of(tensor);
    const made = known.shaped.get(String(shape)) ?? this.#inShape(this.#flat(tensor), shape);
    known.shaped.set(String(shape), made);
    return made;
  }

  /** x in `shape`, of which one size may be the run's own without being asked for: it is what is left. */
  #inShape(x: Value, shape: Shape): Value {
    const free = shape.filter((dim) => typeof dim === "string");
    if (free.length > 1) return this.graph.add("Reshape", [x, this.shape(shape)]);
    return this.graph.reshape(x, ...shape.map((dim) => (typeof dim === "string" ? -1 : dim)));
  }

  shape(shape: Shape): Value {
    const name = String(shape);
    const dims = shape.map((dim) => (typeof dim === "string" ? this.size(dim) : this.graph.integers(dim)));
    return this.once(name, () => [this.graph.add("Concat", dims, { axis: 0 })])[0] as Value;
  }

  /** `[n, channels, h, w]`, in the tensor's order of channels. */
  planes(tensor: Tensor): Value {
    const { value, order } = this.ordered(tensor);
    if (order === undefined) return value;
    const index = this.graph.integers(...order.map((_, channel) => order.indexOf(channel)));
    const plain = this.graph.add("Gather", [value, index], { axis: 1 });
    this.#of(tensor).planes = { value: plain };
    return plain;
  }

  /** The same in any order of channels, which is told. */
  ordered(tensor: Tensor): Planes {
    const known = this.#of(tensor);
    if (known.planes !== undefined) return known.planes;
    const picture = this.as(tensor, -1, ...(tensor.shape.slice(-3) as number[]));
    known.planes = { value: this.graph.add("Transpose", [picture], { perm: [0, 3, 1, 2] }) };
    return known.planes;
  }

  isPicture(tensor: Tensor): boolean {
    return this.#of(tensor).planes !== undefined;
  }

  made({ id }: Tensor, flat: Value): void {
    this.#known.set(id, { flat, shaped: new Map() });
  }

  /** As rows: `[rows, last]`. */
  madeRows(tensor: Tensor, value: Value): void {
    const shape = [-1, tensor.shape.at(-1) as number];
    this.#known.set(tensor.id, { flat: value, shaped: new Map([[String(shape), value]]) });
  }

  madePlanes({ id }: Tensor, planes: Planes): void {
    this.#known.set(id, { planes, shaped: new Map() });
  }

  numbers(data: ArrayLike<number>, ...shape: readonly number[]): Value {
    return this.layers.constant({ data: Float32Array.from(data), shape });
  }

  weight(name: string): Value {
    return this.layers.constant(this.layers.weight(name));
  }

  rowOf(name: string, row: number): Value {
    const { data, shape } = this.layers.weight(name);
    const size = shape.at(-1) as number;
    return this.numbers(data.subarray(row * size, (row + 1) * size), 1, size);
  }

  // What Eigen computes sixteen at a time it computes otherwise in what is left over at the end: so that no number is there, rows are filled
  // up. x, in any shape, has `size` numbers for each that may be alone.
  wholePackets(kind: "Sin" | "Cos" | "Softplus" | "Log", x: Value, size: number): Value {
    const { graph } = this;
    const rows = graph.reshape(x, -1, size);
    const missing = (PACKET - (size % PACKET)) % PACKET;
    if (missing === 0) return graph.add(kind, [rows]);
    const filled = graph.add("Pad", [rows, graph.integers(0, 0, 0, missing), this.numbers([1])]);
    return graph.add("Slice", [graph.add(kind, [filled]), ...[0, size, 1].map((i) => graph.integers(i))]);
  }

  activated(x: Value, activation: Activation, size: number): Value {
    const { graph } = this;
    switch (activation) {
      case "none":
        return x;
      case "relu":
        return graph.add("Relu", [x]);
      case "silu":
        return this.layers.silu(x);
      case "gelu":
        return graph.add("FastGelu", [x]);
      case "sin":
        return this.wholePackets("Sin", x, size);
      case "sigmoid":
        return graph.add("Sigmoid", [x]);
    }
  }

  /** The sum, as rows of `shape`; of tensors, or of values that are rows. */
  sum(
    shape: Shape,
    terms: readonly { readonly shape: Shape; readonly tensor?: Tensor; readonly value?: Value }[],
  ): Value {
    const { graph } = this;
    const size = shape.at(-1) as number;
    const isWhole = (of: Shape) => String(of) === String(shape);
    const added = (values: readonly Value[]) => values.reduce((a, b) => graph.add("Add", [a, b]));
    const whole = terms.filter((term) => isWhole(term.shape));
    const others = terms.filter((term) => !isWhole(term.shape));
    const rows = whole.map(({ tensor, value }) => value ?? this.rows(tensor as Tensor));
    if (others.length === 0) return added(rows);
    const fewer = others.map(({ shape: of, tensor, value }) =>
      tensor ? this.whole(tensor) : this.#inShape(value as Value, of),
    );
    const all = rows.length === 0 ? [] : [this.#inShape(added(rows), shape)];
    return graph.reshape(added([...all, ...fewer]), -1, size);
  }

  // x [rows, P, F] -> its mean over P, [rows, 1, F]. What ORT reduces it sums up in another order where there is one row.
  meanOf(x: Value, P: number): Value {
    return this.graph.add("MatMul", [this.numbers(new Float32Array(P).fill(1 / P), 1, P), x]);
  }

  // The first T times `each` rows of a table.
  firstRows(table: Value, each: number): Value {
    const { graph } = this;
    const name = `T * ${each}`;
    const [count] = this.once(name, () => [graph.add("Mul", [this.size("T"), graph.integers(each)])]) as [Value];
    return graph.add("Slice", [table, graph.integers(0), count, graph.integers(0)]);
  }

  /** Keeps what is known of a tensor in several forms. */
  madeOf({ id, shape }: Tensor, whole: Value, planes?: Value): void {
    const shaped = new Map([[String(shape), whole]]);
    this.#known.set(
      id,
      planes === undefined ? { flat: whole, shaped } : { flat: whole, planes: { value: planes }, shaped },
    );
  }
}

function unknown(dim: string): never {
  throw new Error(`no input of the plan says ${dim}`);
}
