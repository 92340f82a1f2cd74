// NumPy arrays in msgpack, as openpi's `msgpack_numpy` writes them: an array is a map whose keys are *binary* strings
// (`__ndarray__`, `data`, `dtype`, `shape`), a NumPy scalar one with `__npgeneric__`, `data` and `dtype`.
import { elementCount, ProtocolError, type Tensor, tensorBytes } from "@worldstep/protocols";
import { Packr } from "msgpackr";

/** What a policy server is told and answers: plain values, and arrays as tensors. */
export type PolicyValue = null | boolean | number | string | Tensor | readonly PolicyValue[] | PolicyRecord;
export interface PolicyRecord {
  readonly [name: string]: PolicyValue;
}

const packr = new Packr({ useRecords: false, mapsAsObjects: false, variableMapSize: true, int64AsType: "number" });
const utf8 = new TextEncoder();
const text = new TextDecoder();
const [NDARRAY, GENERIC, DATA, DTYPE, SHAPE] = ["__ndarray__", "__npgeneric__", "data", "dtype", "shape"] as const;
const DTYPES = { uint8: "|u1", int32: "<i4", float32: "<f4" } as const;

/** The bytes of `value`. */
export function packPolicy(value: PolicyValue): Uint8Array<ArrayBuffer> {
  return new Uint8Array(packr.pack(plain(value)));
}

/**
 * The value that `bytes` holds. Floating-point arrays become float32 tensors, integers int32, bytes and booleans uint8.
 * Throws `ProtocolError` (`policy_malformed`) for what is no msgpack, or holds an array that can't be read.
 */
export function unpackPolicy(bytes: Uint8Array): PolicyValue {
  let value: unknown;
  try {
    value = packr.unpack(bytes);
  } catch (error) {
    throw malformed(String(error));
  }
  return revived(value);
}

function plain(value: PolicyValue): unknown {
  if (value === null || typeof value !== "object") return value;
  if (isList(value)) return value.map(plain);
  if (!isTensor(value)) return new Map(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
  const fields = {
    [NDARRAY]: true,
    [DATA]: tensorBytes(value),
    [DTYPE]: DTYPES[value.dtype],
    [SHAPE]: [...value.shape],
  };
  return new Map(Object.entries(fields).map(([name, field]) => [utf8.encode(name), field]));
}

function revived(value: unknown): PolicyValue {
  if (Array.isArray(value)) return value.map(revived);
  if (value instanceof Map) {
    const fields = new Map(
      [...value].map(([key, inner]) => [key instanceof Uint8Array ? text.decode(key) : String(key), inner]),
    );
    if (fields.has(NDARRAY)) return array(fields);
    if (fields.has(GENERIC)) return revived(fields.get(DATA));
    return Object.fromEntries([...fields].map(([name, inner]) => [name, revived(inner)]));
  }
  if (value === null || ["boolean", "number", "string"].includes(typeof value)) return value as PolicyValue;
  if (typeof value === "bigint") return Number(value);
  throw malformed(`a value of type ${typeof value}`);
}

function array(fields: ReadonlyMap<string, unknown>): Tensor {
  const [data, dtype, shape] = [fields.get(DATA), fields.get(DTYPE), fields.get(SHAPE)];
  if (!(data instanceof Uint8Array && typeof dtype === "string" && Array.isArray(shape))) {
    throw malformed("an array without data, dtype and shape");
  }
  const bytes = Uint8Array.from(data).buffer;
  const read = READ[dtype];
  if (read === undefined) throw malformed(`an array of dtype ${dtype}`);
  const tensor = read(bytes, shape);
  if (tensor.data.length !== elementCount(shape)) {
    throw malformed(`an array of shape [${shape}] with ${tensor.data.length} elements`);
  }
  return tensor;
}

const READ: Readonly<Record<string, (bytes: ArrayBuffer, shape: readonly number[]) => Tensor>> = {
  "|u1": (bytes, shape) => ({ dtype: "uint8", shape, data: new Uint8Array(bytes) }),
  "|b1": (bytes, shape) => ({ dtype: "uint8", shape, data: new Uint8Array(bytes) }),
  "<f4": (bytes, shape) => ({ dtype: "float32", shape, data: elements(Float32Array, bytes) }),
  "<f8": (bytes, shape) => ({ dtype: "float32", shape, data: Float32Array.from(elements(Float64Array, bytes)) }),
  "<i4": (bytes, shape) => ({ dtype: "int32", shape, data: elements(Int32Array, bytes) }),
  "<i8": (bytes, shape) => ({ dtype: "int32", shape, data: Int32Array.from(elements(BigInt64Array, bytes), int32) }),
};

function int32(value: bigint): number {
  if (BigInt.asIntN(32, value) !== value) throw malformed(`${value}, which is no int32`);
  return Number(value);
}

function elements<A extends { BYTES_PER_ELEMENT: number }>(
  kind: { new (buffer: ArrayBuffer): A; readonly BYTES_PER_ELEMENT: number },
  bytes: ArrayBuffer,
): A {
  if (bytes.byteLength % kind.BYTES_PER_ELEMENT !== 0) throw malformed("an array whose data ends within an element");
  return new kind(bytes);
}

const isList = (value: object): value is readonly PolicyValue[] => Array.isArray(value);
/** Whether `value`, a part of a message, is an array. */
export const isTensor = (value: object): value is Tensor => "data" in value && ArrayBuffer.isView(value.data);

/** The error of a server that sent `what`. */
export function malformed(what: string): ProtocolError {
  return new ProtocolError("policy_malformed", `the policy server sent ${what}`, "check its dialect and its version");
}
