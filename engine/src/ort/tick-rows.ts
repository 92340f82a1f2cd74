// What differs from tick to tick, applied to the tokens of all ticks of a chunk, `[T L, W]`. For one tick a vector is
// enough, and a fused normalisation.
import type { Value } from "./graph.js";
import type { Layers } from "./layers.js";

export class TickRows {
  constructor(
    readonly layers: Layers,
    readonly ticks: number,
    readonly tokens: number,
    readonly width: number,
  ) {}

  /** x normalised over W, times `scale` plus `shift`, one of each a tick. */
  norm(x: Value, shift: Value, scale: Value): Value {
    const { graph } = this.layers;
    if (this.ticks === 1) return this.layers.norm(x, shift, scale);
    const vector = (value: number) =>
      this.layers.constant({ data: new Float32Array(this.width).fill(value), shape: [this.width] });
    const unit = this.#byTick(this.layers.norm(x, vector(0), vector(1)));
    return this.#flat(graph.add("Add", [graph.add("Mul", [unit, scale]), shift]));
  }

  /** x plus `branch` times `gate`, one a tick. */
  plusGated(x: Value, branch: Value, gate: Value): Value {
    const { graph } = this.layers;
    if (this.ticks === 1) return graph.add("Add", [x, graph.add("Mul", [branch, gate])]);
    return graph.add("Add", [x, this.#flat(graph.add("Mul", [this.#byTick(branch), gate]))]);
  }

  /** x plus `rows` `[T, W]`, one a tick. */
  plus(x: Value, rows: Value): Value {
    const { graph } = this.layers;
    if (this.ticks === 1) return graph.add("Add", [x, rows]);
    return this.#flat(graph.add("Add", [this.#byTick(x), graph.reshape(rows, this.ticks, 1, this.width)]));
  }

  #byTick(x: Value): Value {
    return this.layers.graph.reshape(x, this.ticks, this.tokens, this.width);
  }

  #flat(x: Value): Value {
    return this.layers.graph.reshape(x, this.ticks * this.tokens, this.width);
  }
}
