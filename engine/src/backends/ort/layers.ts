// The layers of a network as nodes of a graph: weights by their names in the world's files, in the session's precision.
import type { Precision } from "../../backend.js";
import type { Weight } from "../../world/safetensors.js";
import type { Graph, Value } from "./graph.js";

// 7 bits: AVX2 adds two products of uint8 and int8 in 16 bits, and 255 * 63 * 2 fits while 255 * 127 * 2 saturates.
const INT8_MAX = 63;

// Activations are uint8 about this: ORT multiplies two int8 matrices twenty times as slowly.
const MIDDLE = 128;

interface Quantised {
  /** uint8 `[M, in]`. */
  readonly values: Value;
  /** `[M, 1]`. */
  readonly scales: Value;
}

interface Convolution {
  readonly order?: (channel: number) => number;
  readonly stride?: number;
}

export class Layers {
  readonly #quantised = new Map<Value, Quantised>();

  constructor(
    readonly graph: Graph,
    readonly weights: ReadonlyMap<string, Weight>,
    readonly precision: Precision = "fp32",
  ) {}

  /** A tensor that the loader has checked. */
  weight(name: string): Weight {
    const weight = this.weights.get(name);
    if (!weight) throw new Error(`no weight "${name}": the list in world/tensors.ts lacks it`);
    return weight;
  }

  constant({ data, shape }: Weight): Value {
    return this.graph.constant("float32", data, shape);
  }

  /** x `[M, in]` times the transpose of `weight [out, in]`, plus `plus` where given, -> `[M, out]`. */
  matmul(x: Value, weight: Weight, plus?: Value): Value {
    const rest = plus === undefined ? [] : [plus];
    if (this.precision === "fp32") return this.graph.add("Gemm", [x, this.constant(weight), ...rest], { transB: 1 });
    const [to, from] = weight.shape as [number, number];
    const { graph } = this;
    const { values, scales } = quantise(weight.data, to, from);
    const matrix = graph.constant("int8", values, [from, to]);
    const rows = this.#quantise(x);
    const [one, middle] = [graph.constant("float32", Float32Array.of(1), []), this.#middle([])];
    const byColumn = [one, graph.constant("float32", scales, [to]), middle];
    const sums = graph.add("MatMulIntegerToFloat", [rows.values, matrix, ...byColumn]);
    const y = graph.add("Mul", [sums, rows.scales]);
    return plus === undefined ? y : graph.add("Add", [y, plus]);
  }

  // x [M, in]; what several matrices read is quantised once. A row of zeros has the scale 0, and gives zeros.
  #quantise(x: Value): Quantised {
    const { graph } = this;
    const known = this.#quantised.get(x);
    if (known) return known;
    const most = graph.add("ReduceMax", [graph.add("Abs", [x]), graph.integers(1)]);
    const scales = graph.add("Mul", [most, graph.constant("float32", Float32Array.of(1 / (MIDDLE - 1)), [])]);
    const rows = graph.add("Shape", [x], { start: 0, end: 1 });
    const middles = graph.add("Expand", [this.#middle([1]), rows]);
    const values = graph.add("QuantizeLinear", [x, graph.reshape(scales, -1), middles], { axis: 0 });
    this.#quantised.set(x, { values, scales });
    return { values, scales };
  }

  #middle(shape: readonly number[]): Value {
    return this.graph.constant("uint8", Uint8Array.of(MIDDLE), shape);
  }

  silu(x: Value): Value {
    return this.graph.add("Mul", [x, this.graph.add("Sigmoid", [x])]);
  }

  /** An RMS of `scale` over the last dimension, of `size`: `rms` of blocks.py, `project` of tokenizer.py. */
  rms(x: Value, size: number, scale = 1): Value {
    const scales = this.constant({ data: new Float32Array(size).fill(scale), shape: [size] });
    return this.graph.add("SimplifiedLayerNormalization", [x, scales], { axis: -1, epsilon: { float: 1e-6 } });
  }

  /** x `[M, W]` normalised over W, times `scale` plus `shift`, `[W]` each. */
  norm(x: Value, shift: Value, scale: Value): Value {
    return this.graph.add("LayerNormalization", [x, scale, shift], { axis: -1, epsilon: { float: 1e-6 } });
  }

  /** x, and 0 where it is no more than `most` away from it. */
  shrink(x: Value, most: number): Value {
    return this.graph.add("Shrink", [x], { lambd: { float: most }, bias: { float: 0 } });
  }

  /** x `[B, C, h, w]`; a 1x1 or a padded 3x3 convolution. `order` picks the weight's input channels for x's. */
  conv(x: Value, name: string, { order, stride = 1 }: Convolution = {}): Value {
    const { data, shape } = this.weight(`${name}.weight`);
    const [to, from, kernel] = shape as [number, number, number];
    const area = kernel * kernel;
    const ordered = order ? new Float32Array(data.length) : data;
    for (let i = 0; order && i < to * from; i++) {
      const source = (i - (i % from) + order(i % from)) * area;
      ordered.set(data.subarray(source, source + area), i * area);
    }
    const pads = new Array<number>(4).fill((kernel - 1) / 2);
    const bias = this.weights.has(`${name}.bias`) ? [this.constant(this.weight(`${name}.bias`))] : [];
    return this.graph.add("Conv", [x, this.constant({ data: ordered, shape }), ...bias], {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads,
    });
  }
}

// [to, from] -> int8 [from, to] and a scale for each output.
function quantise(data: Float32Array, to: number, from: number): { values: Int8Array; scales: Float32Array } {
  const values = new Int8Array(data.length);
  const scales = new Float32Array(to);
  for (let row = 0; row < to; row++) {
    const weights = data.subarray(row * from, (row + 1) * from);
    const scale = Math.fround(weights.reduce((most, x) => Math.max(most, Math.abs(x)), 0) / INT8_MAX) || 1;
    scales[row] = scale;
    for (let i = 0; i < from; i++) values[i * to + row] = Math.round((weights[i] as number) / scale);
  }
  return { values, scales };
}
