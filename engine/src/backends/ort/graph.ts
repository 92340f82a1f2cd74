// A small builder of ONNX graphs: nodes are added in the order in which they run, values are known by name.
import {
  type AttributeValue,
  attribute,
  DATA_TYPES,
  type DataType,
  encodeModel,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
} from "./onnx.js";

/** The name of a tensor in a graph. */
export type Value = string;

/** Sizes; a name where each run has a size of its own, the same wherever the name is. */
export type Shape = readonly (number | string)[];

type Attributes = Readonly<Record<string, AttributeValue>>;

/** The ops we use that only ONNX Runtime has. */
const CONTRIB = new Set(["FastGelu", "FusedMatMul", "LinearAttention", "MatMulIntegerToFloat"]);

export class Graph {
  readonly #nodes: OnnxNode[] = [];
  readonly #initializers: OnnxTensor[] = [];
  readonly #inputs: OnnxValue[] = [];
  readonly #outputs = new Map<Value, OnnxValue>();
  readonly #integers = new Map<string, Value>();

  constructor(readonly name: string) {}

  input(name: string, dataType: DataType, shape: Shape): Value {
    this.#inputs.push(describe(name, dataType, shape));
    return name;
  }

  /** Makes `value`, which a node made, an output of the graph under `name`. */
  output(name: string, value: Value, dataType: DataType, shape: Shape): void {
    this.#outputs.set(value, describe(name, dataType, shape));
  }

  constant(dataType: DataType, data: ArrayBufferView, shape: readonly number[]): Value {
    const name = `${this.name}.constant.${this.#initializers.length}`;
    const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.#initializers.push({ name, dims: shape, dataType: DATA_TYPES[dataType], rawData });
    return name;
  }

  /** An int64 list, as many ops want sizes and axes. */
  integers(...values: readonly number[]): Value {
    const key = values.join();
    const made = this.#integers.get(key) ?? this.constant("int64", BigInt64Array.from(values, BigInt), [values.length]);
    this.#integers.set(key, made);
    return made;
  }

  /** Adds a node with one output. */
  add(opType: string, inputs: readonly Value[], attributes: Attributes = {}): Value {
    return this.split(opType, inputs, 1, attributes)[0] as Value;
  }

  /** Adds a node with `count` outputs. */
  split(opType: string, input: readonly Value[], count: number, attributes: Attributes = {}): Value[] {
    const name = `${this.name}.${this.#nodes.length}.${opType}`;
    const output = Array.from({ length: count }, (_, i) => `${name}.${i}`);
    const domain = CONTRIB.has(opType) ? "com.microsoft" : "";
    const list = Object.entries(attributes).map(([key, value]) => attribute(key, value));
    this.#nodes.push({ opType, domain, name, input, output, attribute: list });
    return output;
  }

  reshape(value: Value, ...shape: readonly number[]): Value {
    return this.add("Reshape", [value, this.integers(...shape)]);
  }

  /**
   * The value `[..]` float32 that branch number `chosen` (one int64) makes; only that one runs. A branch may use this
   * graph's values, and its own nodes and constants, which it adds to the graph that it is given. `otherwise`: the value
   * where there is no such branch; of the same `shape`.
   *
   * One choice behind another, not one within another: ORT keeps the weights of a branch once more for each level.
   */
  choose(chosen: Value, branches: readonly ((graph: Graph) => Value)[], otherwise: Value, shape: Shape): Value {
    const subgraph = (name: string, build: (graph: Graph) => Value): OnnxGraph => {
      const graph = new Graph(`${this.name}.${this.#nodes.length}.${name}`);
      graph.output(`${graph.name}.result`, build(graph), "float32", shape);
      return graph.#finished();
    };
    return branches.reduce((before, build, i) => {
      const isChosen = this.add("Equal", [chosen, this.integers(i)]);
      return this.add("If", [isChosen], {
        then_branch: { graph: subgraph("then", build) },
        else_branch: { graph: subgraph("else", (graph) => graph.add("Identity", [before])) },
      });
    }, otherwise);
  }

  /** The bytes of the ONNX model. */
  build(): Uint8Array {
    return encodeModel(this.#finished());
  }

  #finished(): OnnxGraph {
    const final = (value: Value): string => this.#outputs.get(value)?.name ?? value;
    const node = this.#nodes.map((made) => ({ ...made, input: made.input.map(final), output: made.output.map(final) }));
    const output = [...this.#outputs.values()];
    return { name: this.name, node, initializer: this.#initializers, input: this.#inputs, output };
  }
}

function describe(name: string, dataType: DataType, shape: Shape): OnnxValue {
  const dim = shape.map((size) => (typeof size === "number" ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType: DATA_TYPES[dataType], shape: { dim } } } };
}
