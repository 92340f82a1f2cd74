// Dense row-major tensors, as they travel: a dtype, a shape and the raw little-endian elements.
//
// Shape letters used everywhere: B batch, T ticks, F frames, H W pixels, h w C latent, L query tokens, S context
// tokens, N heads, D head size, A action size.
import { ShapeError } from "./errors.js";

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

export const BYTES_PER_ELEMENT: Readonly<Record<Dtype, number>> = { uint8: 1, int32: 4, float32: 4 };

/** Number of elements of `shape`; 1 for a scalar (`[]`). */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
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
