// The tokens of one tick, or of all ticks of a chunk, `[T L, W]`, and what differs in them from tick to tick. A graph for
// chunks takes any number of ticks. For one tick a vector is enough, and a fused normalisation.
import type { Weight } from "../safetensors.js";
import { rows } from "./dynamics-weights.js";
import type { Shape, Value } from "./graph.js";
import { Layers } from "./layers.js";

export class TickRows {
  /** Layers of what has one row a tick. */
  readonly vectors: Layers;
  /** How many ticks, `[1]` int64, where that is the run's. */
  readonly #count: Value | undefined;
  readonly #tokenCount: Value | undefined;

  /** byTick: an input of the graph with a row a tick, where a run may have several. */
  constructor(
    readonly layers: Layers,
    readonly tokens: number,
    readonly width: number,
    byTick?: Value,
  ) {
    const { graph: on, weights, precision } = layers;
    this.vectors = byTick === undefined ? new Layers(on, weights, precision, true) : layers;
    if (byTick === undefined) return;
    const { graph } = layers;
    this.#count = graph.add("Shape", [byTick], { start: 0, end: 1 });
    this.#tokenCount = graph.add("Mul", [this.#count, graph.integers(tokens)]);
  }

  get isOne(): boolean {
    return this.#count === undefined;
  }

  /** Of what has a row a token, `[T L, size]`. */
  shape(size: number): Shape {
    return [this.isOne ? this.tokens : "tokens", size];
  }

  /** The first T rows of a table with a row a tick. */
  ofTicks(table: Weight): Value {
    return this.#first(table, 1, this.#count);
  }

  /** The first T L rows of a table with a row a token of each tick. */
  ofTokens(table: Weight): Value {
    return this.#first(table, this.tokens, this.#tokenCount);
  }

  /** `x` `[L, C]` for each tick. */
  repeated(x: Value): Value {
    if (this.#count === undefined) return x;
    const { graph } = this.layers;
    return graph.add("Tile", [x, graph.add("Concat", [this.#count, graph.integers(1)], { axis: 0 })]);
  }

  /** x normalised over W, times `scale` plus `shift`, one of each a tick. */
  norm(x: Value, shift: Value, scale: Value): Value {
    const { graph } = this.layers;
    if (this.isOne) return this.layers.norm(x, shift, scale);
    const vector = (value: number) =>
      this.layers.constant({ data: new Float32Array(this.width).fill(value), shape: [this.width] });
    const unit = this.#byTick(this.layers.norm(x, vector(0), vector(1)));
    return this.#flat(graph.add("Add", [graph.add("Mul", [unit, scale]), shift]));
  }

  /** x plus `branch` times `gate`, one a tick. */
  plusGated(x: Value, branch: Value, gate: Value): Value {
    const { graph } = this.layers;
    if (this.isOne) return graph.add("Add", [x, graph.add("Mul", [branch, gate])]);
    return graph.add("Add", [x, this.#flat(graph.add("Mul", [this.#byTick(branch), gate]))]);
  }

  /** x plus `rows` `[T, W]`, one a tick. */
  plus(x: Value, rows: Value): Value {
    const { graph } = this.layers;
    if (this.isOne) return graph.add("Add", [x, rows]);
    return this.#flat(graph.add("Add", [this.#byTick(x), graph.reshape(rows, -1, 1, this.width)]));
  }

  #first(table: Weight, one: number, count: Value | undefined): Value {
    if (count === undefined) return this.layers.constant(rows(table, 0, one));
    const { graph } = this.layers;
    return graph.add("Slice", [this.layers.constant(table), graph.integers(0), count, graph.integers(0)]);
  }

  #byTick(x: Value): Value {
    return this.layers.graph.reshape(x, -1, this.tokens, this.width);
  }

  #flat(x: Value): Value {
    return this.layers.graph.reshape(x, -1, this.width);
  }
}
