// What openpi's clients send, as an observation. Bytes of strangers: the first thing wrong with them is an error.
import {
  type ByteTensor,
  byteTensor,
  type DictSpace,
  type Dtype,
  elementCount,
  type FloatTensor,
  type Observation,
  ProtocolError,
  ShapeError,
  type Tensor,
} from "@worldstep/protocols";
import { isTensor, type PolicyRecord, type PolicyValue, unpackPolicy } from "./policy-codec.js";
import { isModest } from "./policy-message.js";

const IMAGE = "observation/image";
const STATE = "observation/state";
/** An array is ten of them: enough for any cameras, and for a prompt in numbers. */
const MOST_VALUES = 10_000;
const BYTES_OF_DOUBLE = 8;

/** The bytes of what is looked at of an observation: one frame, and a state of doubles. */
export function bytesOf({ spaces }: DictSpace): number {
  const [, ...imageShape] = spaces.frames?.shape ?? [];
  return elementCount(imageShape) + BYTES_OF_DOUBLE * elementCount(spaces.proprioception?.shape ?? []);
}

/**
 * The observation in `message`, undefined for one in text: of its `observation/image` one frame, `[1, H, W, 3]`, of its
 * `observation/state` the proprioception `[P]`. Throws `ProtocolError` (`message_text`, `message_malformed`,
 * `tensor_missing`, `tensor_dtype`, `message_field_invalid`) and `ShapeError`, which name the key.
 */
export function readObservation({ spaces }: DictSpace, message: Uint8Array | undefined): Observation {
  const [, ...imageShape] = spaces.frames?.shape ?? [];
  const told = unpacked(message);
  const image = tensorAt(told, IMAGE, "uint8", imageShape) as ByteTensor;
  // Float64 is float32 by now: the codec converts it.
  const state = tensorAt(told, STATE, "float32", spaces.proprioception?.shape ?? []) as FloatTensor;
  const index = state.data.findIndex((value) => !Number.isFinite(value));
  if (index >= 0) {
    const facts = { field: STATE, expected: "finite numbers", index };
    const summary = `element ${index} of ${STATE} is ${state.data[index]}`;
    throw new ProtocolError("message_field_invalid", summary, "send finite numbers", facts);
  }
  return { frames: byteTensor(image.data, [1, ...imageShape]), proprioception: state };
}

function unpacked(message: Uint8Array | undefined): PolicyValue {
  if (message === undefined) throw new ProtocolError("message_text", "a text message", "send msgpack");
  if (!isModest(message, MOST_VALUES)) {
    const summary = `the observation has over ${MOST_VALUES} values, or a type of its own`;
    throw new ProtocolError("message_malformed", summary, "send lists of numbers as arrays of NumPy");
  }
  try {
    return unpackPolicy(message);
  } catch (cause) {
    const remedy = `send msgpack as openpi's client packs it, with ${IMAGE} in uint8 and ${STATE} in float32`;
    throw new ProtocolError("message_malformed", "the observation can't be read", remedy, {}, { cause });
  }
}

function tensorAt(told: PolicyValue, name: string, dtype: Dtype, shape: readonly number[]): Tensor {
  const value = typeof told === "object" && told !== null ? (told as PolicyRecord)[name] : undefined;
  if (typeof value !== "object" || value === null || !isTensor(value)) {
    const got = value === undefined ? `no ${name}` : `${name}, which is no array,`;
    const remedy = `send it, ${dtype} [${shape.join(", ")}]`;
    throw new ProtocolError("tensor_missing", `the observation has ${got}`, remedy, { name });
  }
  if (value.dtype !== dtype) {
    const summary = `${name} is ${value.dtype}, not ${dtype}`;
    throw new ProtocolError("tensor_dtype", summary, "convert it", { name, expected: dtype, got: value.dtype });
  }
  if (String(value.shape) !== String(shape)) throw new ShapeError(name, shape, value.shape);
  return value;
}
