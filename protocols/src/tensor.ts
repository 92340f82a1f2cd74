// Dense row-major tensors, as they travel: a dtype, a shape and the raw little-endian elements.
//
// Shape letters used everywhere: B batch, T ticks, F frames, H W pixels, h w C latent, L query tokens, S context
// tokens, N heads, D head size, A action size.
import { ShapeError } from "./errors.js";
import { shown } from "./shown.js";

export type Dtype = "uint8" | "int32" | "float32";

/** A dense, row-major tensor; `data.length` is the product of `shape`. */
export interface Tensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data: Uint8Array | Int32Array | Float32Array;
}

export interface FloatTensor extends Tensor {
  readonly dtype: "float32";
  readonly data: Float32Array;
}

export interface ByteTensor extends Tensor {
  readonly dtype: "uint8";
  readonly data: Uint8Array;
}

interface TensorOf {
  readonly uint8: ByteTensor;
  readonly int32: Tensor;
  readonly float32: FloatTensor;
}

const ARRAYS = { uint8: Uint8Array, int32: Int32Array, float32: Float32Array } as const;

export const BYTES_PER_ELEMENT: Readonly<Record<Dtype, number>> = { uint8: 1, int32: 4, float32: 4 };

/** Number of elements of `shape`; 1 for a scalar (`[]`). */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Whether `value`, be it what it may, is a tensor of `dtype` with as many elements as its shape says. */
export function isTensorOf<D extends Dtype>(value: unknown, dtype: D): value is TensorOf[D] {
  if (typeof value !== "object" || value === null) return false;
  const { dtype: own, shape, data } = value as Partial<Tensor>;
  return (
    own === dtype &&
    Array.isArray(shape) &&
    shape.every((size) => Number.isSafeInteger(size) && size >= 0) &&
    ArrayBuffer.isView(data) && // which a proxy of an array is not
    data instanceof ARRAYS[dtype] &&
    data.length === elementCount(shape)
  );
}

/** What an error says of `value` where a tensor was wanted: its dtype and shape, if it has such. */
export function shownTensor(value: unknown): string {
  if (value === undefined) return "missing";
  if (typeof value !== "object" || value === null || !("shape" in value)) return shown(value);
  const { dtype, shape } = value as Partial<Tensor>;
  return `${shown(dtype)} [${shown(shape)}]`;
}

/** A tensor with data and shape of its own: who called may use his again. What is none is returned as it is, for an env to refuse. */
export function copiedTensor<T>(tensor: T): T {
  const { dtype } = (tensor ?? {}) as Partial<Tensor>;
  if (dtype === undefined || !Object.hasOwn(ARRAYS, dtype) || !isTensorOf(tensor, dtype)) return tensor;
  return { ...tensor, shape: [...tensor.shape], data: tensor.data.slice() };
}

/** A uint8 tensor over `data`, not copied. Throws `ShapeError` unless `data` has as many elements as `shape`. */
export function byteTensor(data: Uint8Array, shape: readonly number[]): ByteTensor {
  checkLength(data.length, shape);
  return { dtype: "uint8", shape, data };
}

/** A float32 tensor over `data`, not copied. Throws `ShapeError` unless `data` has as many elements as `shape`. */
export function floatTensor(data: Float32Array, shape: readonly number[]): FloatTensor {
  checkLength(data.length, shape);
  return { dtype: "float32", shape, data };
}

/** The raw bytes of `tensor`, a view that shares its memory. */
export function tensorBytes(tensor: Tensor): Uint8Array {
  return new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
}

function checkLength(length: number, shape: readonly number[]): void {
  if (length !== elementCount(shape)) throw new ShapeError("data", shape, [length]);
}
