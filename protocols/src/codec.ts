// Messages to bytes and back: a header in one of two encodings, and the tensors raw behind it (docs/protocol.md 3).
//
//   u32 header length | header | zeros to a multiple of 8 | tensor | zeros to a multiple of 8 | tensor | ...
import { checkFields, MessageError } from "./check.js";
import { MAX_HEADER_BYTES, MESSAGE_SHAPES, type MessageShape, PROTOCOL } from "./fields.js";
import { type ClientMessage, isClientMessage, type Message, type Tensors } from "./messages.js";
import { packMsgpack, unpackMsgpack } from "./msgpack.js";
import { packProtobuf, unpackProtobuf } from "./protobuf.js";
import { shown } from "./shown.js";
import { BYTES_PER_ELEMENT, type Dtype, elementCount, type Tensor, tensorBytes } from "./tensor.js";

/** How headers are encoded on a connection. */
export interface Codec {
  /** The WebSocket subprotocol that stands for it. */
  readonly subprotocol: string;
  readonly pack: (header: Readonly<Record<string, unknown>>) => Uint8Array;
  readonly unpack: (bytes: Uint8Array) => Record<string, unknown>;
}

export const msgpackCodec: Codec = {
  subprotocol: `${PROTOCOL}.msgpack`,
  pack: packMsgpack,
  unpack: unpackMsgpack,
};

export const protobufCodec: Codec = {
  subprotocol: `${PROTOCOL}.protobuf`,
  pack: packProtobuf,
  unpack: unpackProtobuf,
};

export function codecFor(subprotocol: string): Codec | undefined {
  return [msgpackCodec, protobufCodec].find((codec) => codec.subprotocol === subprotocol);
}

const ALIGNMENT = 8;
const LENGTH_BYTES = 4;
const MAX_RANK = 8;

interface TensorInfo {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
}

/** The bytes of `message`. Throws `MessageError` where it breaks the protocol's own table of fields. */
export function encodeMessage(codec: Codec, message: Message): Uint8Array<ArrayBuffer> {
  const { tensors, ...fields } = message;
  const shape = shapeOf(message.type);
  const entries = Object.entries(tensors as Tensors).filter(([, tensor]) => tensor !== undefined);
  const infos = entries.map(([name, { dtype, shape }]): TensorInfo => ({ name, dtype, shape }));
  const header = checkFields(shape.fields, infos.length > 0 ? { ...fields, tensors: infos } : fields, false);
  checkTensors(shape, infos);
  for (const [name, tensor] of entries) checkData(name, tensor);

  const packed = codec.pack(header);
  if (packed.length > MAX_HEADER_BYTES) throw malformed(`a header of ${packed.length} bytes`);
  const bytes = new Uint8Array(messageBytes(packed.length, infos));
  new DataView(bytes.buffer).setUint32(0, packed.length, true);
  bytes.set(packed, LENGTH_BYTES);
  let offset = align(LENGTH_BYTES + packed.length);
  for (const [, tensor] of entries) {
    bytes.set(tensorBytes(tensor), offset);
    offset += align(tensor.data.byteLength);
  }
  return bytes;
}

/**
 * The message in some bytes, checked. Its tensors share their memory where alignment allows it.
 * Throws `MessageError` for all that is wrong with it, and nothing else. Fields that are not known are refused in a
 * client's message and ignored in a server's, which may be newer.
 */
export function decodeMessage(codec: Codec, message: Uint8Array): Message {
  return decode(codec, message, MAX_HEADER_BYTES, shapeOf);
}

/**
 * As `decodeMessage`, of what came to a server: `message_header_too_big`, before the header is looked at, where it has
 * more than `maxHeaderBytes`, and `message_unexpected_type`, before its fields are, for what only a server sends.
 */
export function decodeClientMessage(codec: Codec, message: Uint8Array, maxHeaderBytes: number): ClientMessage {
  return decode(codec, message, maxHeaderBytes, clientShapeOf) as ClientMessage;
}

function decode(
  codec: Codec,
  message: Uint8Array,
  maxHeaderBytes: number,
  shapeFor: (type: string) => MessageShape,
): Message {
  // A plain Uint8Array even where Node gives a Buffer, whose `slice` doesn't copy.
  const bytes = new Uint8Array(message.buffer, message.byteOffset, message.byteLength);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < LENGTH_BYTES) throw malformed(`a message of ${bytes.length} bytes`);
  const headerLength = view.getUint32(0, true);
  if (headerLength === 0 || headerLength > MAX_HEADER_BYTES || LENGTH_BYTES + headerLength > bytes.length) {
    throw malformed(`header length ${headerLength} in a message of ${bytes.length} bytes`);
  }
  if (headerLength > maxHeaderBytes) {
    const summary = `a header of ${headerLength} bytes; ${maxHeaderBytes} are taken`;
    const facts = { bytes: headerLength, maxHeaderBytes };
    throw new MessageError("message_header_too_big", summary, "send a shorter header", facts);
  }
  const raw = codec.unpack(bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + headerLength));
  try {
    return readMessage(raw, bytes, headerLength, shapeFor);
  } catch (error) {
    if (error instanceof MessageError && isId(raw.id)) throw error.withRequestId(raw.id);
    throw error;
  }
}

function readMessage(
  raw: Record<string, unknown>,
  bytes: Uint8Array,
  headerLength: number,
  shapeFor: (type: string) => MessageShape,
): Message {
  if (typeof raw.type !== "string") {
    throw new MessageError("message_field_missing", "the message has no type", "send it", { field: "type" });
  }
  const shape = shapeFor(raw.type);
  const ignoreUnknown = !isClientMessage(raw as unknown as Message);
  const { tensors, ...fields } = checkFields(shape.fields, raw, ignoreUnknown);
  const infos = (tensors ?? []) as readonly TensorInfo[];
  checkTensors(shape, infos);

  const expected = messageBytes(headerLength, infos);
  if (bytes.length !== expected) {
    throw new MessageError(
      "tensor_bytes_mismatch",
      `the header announces a message of ${expected} bytes, got ${bytes.length}`,
      "send the bytes of each tensor, each padded to a multiple of 8",
      { expected: Math.min(expected, Number.MAX_SAFE_INTEGER), got: bytes.length },
    );
  }
  checkZeros(bytes, LENGTH_BYTES + headerLength);
  let offset = align(LENGTH_BYTES + headerLength);
  const read: [string, Tensor][] = [];
  for (const info of infos) {
    const length = tensorLength(info);
    read.push([info.name, tensorOf(info, bytes.subarray(offset, offset + length))]);
    checkZeros(bytes, offset + length);
    offset += align(length);
  }
  return { ...fields, tensors: Object.fromEntries(read) } as unknown as Message;
}

function shapeOf(type: string): MessageShape {
  const shape = MESSAGE_SHAPES.get(type);
  if (!shape) {
    const named = shown(type);
    const summary = `there is no message "${named}"`;
    throw new MessageError("message_unknown_type", summary, "see docs/protocol.md, section 6", { type: named });
  }
  return shape;
}

function clientShapeOf(type: string): MessageShape {
  const shape = shapeOf(type);
  if (isClientMessage({ type } as Message)) return shape;
  throw new MessageError("message_unexpected_type", `only a server sends "${type}"`, "don't send it", { type });
}

function checkTensors({ tensors: rule }: MessageShape, infos: readonly TensorInfo[]): void {
  const names = new Set<string>();
  for (const { name: sent, dtype, shape } of infos) {
    const name = shown(sent);
    if (names.has(sent)) {
      throw new MessageError("tensor_duplicate", `two tensors are named ${name}`, "send one", { name });
    }
    names.add(sent);
    const known = rule === "observation" ? sent.startsWith("observation.") : Object.hasOwn(rule, sent);
    if (!known) {
      throw new MessageError("tensor_unexpected", `this message carries no tensor ${name}`, "leave it out", { name });
    }
    const expected = rule === "observation" ? dtype : rule[sent]?.dtype;
    if (dtype !== expected) {
      throw new MessageError("tensor_dtype", `tensor ${name} is ${dtype}, not ${expected}`, `send ${expected}`, {
        name,
        expected,
        got: dtype,
      });
    }
    if (shape.length > MAX_RANK) {
      throw new MessageError("message_field_invalid", `tensor ${name} has ${shape.length} sizes`, "send at most 8", {
        field: "tensors",
        expected: `a shape of at most ${MAX_RANK} sizes`,
      });
    }
  }
  if (rule === "observation") return;
  for (const [name, { optional }] of Object.entries(rule)) {
    if (!optional && !names.has(name)) {
      throw new MessageError("tensor_missing", `this message needs the tensor ${name}`, "send it", { name });
    }
  }
}

function checkData(name: string, tensor: Tensor): void {
  const expected = elementCount(tensor.shape);
  if (tensor.data.length !== expected || tensor.data.BYTES_PER_ELEMENT !== BYTES_PER_ELEMENT[tensor.dtype]) {
    throw new MessageError(
      "tensor_bytes_mismatch",
      `tensor ${shown(name)} of shape [${shown(tensor.shape.join(", "))}] has ${tensor.data.length} elements`,
      "give it as many elements as its shape says, in an array of its dtype",
      { name: shown(name), expected, got: tensor.data.length },
    );
  }
}

function tensorOf(info: TensorInfo, bytes: Uint8Array): Tensor {
  const { dtype, shape } = info;
  const count = elementCount(shape);
  if (dtype === "uint8") return { dtype, shape, data: bytes };
  // A view needs an aligned start; a socket's buffer may begin anywhere.
  const aligned = bytes.byteOffset % BYTES_PER_ELEMENT[dtype] === 0 ? bytes : bytes.slice();
  const { buffer, byteOffset } = aligned;
  const data =
    dtype === "int32" ? new Int32Array(buffer, byteOffset, count) : new Float32Array(buffer, byteOffset, count);
  return { dtype, shape, data };
}

/** Length of the whole message; not exact, but too big for any message, where shapes are absurd. */
function messageBytes(headerLength: number, infos: readonly TensorInfo[]): number {
  return infos.reduce((sum, info) => sum + align(tensorLength(info)), align(LENGTH_BYTES + headerLength));
}

function tensorLength({ dtype, shape }: TensorInfo): number {
  return elementCount(shape) * BYTES_PER_ELEMENT[dtype];
}

function align(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}

function checkZeros(bytes: Uint8Array, start: number): void {
  for (let i = start; i < align(start); i++) {
    if (bytes[i] !== 0) throw malformed(`padding byte ${i} is not zero`);
  }
}

function isId(id: unknown): id is number {
  return Number.isSafeInteger(id) && (id as number) >= 0;
}

function malformed(why: string): MessageError {
  return new MessageError("message_malformed", `not a message: ${why}`, "build messages as docs/protocol.md says", {
    why,
  });
}
