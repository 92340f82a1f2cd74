// The protobuf header: message Envelope of worldstep.v1.proto, written and read from the table in fields.ts with
// protobufjs's Writer and Reader. No generated code and no `eval`, so it runs under a strict content security policy.
import protobuf from "protobufjs/minimal.js";
import { MessageError } from "./check.js";
import { ENVELOPE, MESSAGE_SHAPES } from "./fields.js";
import type { Field, Fields, Kind } from "./kinds.js";

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

type SingularKind = Exclude<Kind, { readonly kind: "list" } | { readonly kind: "map" }>;

/** Stands for a value whose wire type is not its field's: no kind takes it, so the check of the fields names it. */
const WRONG_WIRE_TYPE = Symbol("wrong wire type");

/** Bytes of a header that `checkFields` made. */
export function packProtobuf(header: Readonly<Record<string, unknown>>): Uint8Array {
  const writer = protobuf.Writer.create();
  writeFields(writer, ENVELOPE, header);
  return writer.finish();
}

/**
 * The fields of the Envelope in `bytes`. A field that the schema doesn't have comes as `#number`.
 * Throws `MessageError` (`message_malformed`).
 */
export function unpackProtobuf(bytes: Uint8Array): Record<string, unknown> {
  const header = readEnvelope(bytes);
  const shape = MESSAGE_SHAPES.get(String(header.type));
  for (const [name, field] of Object.entries(shape?.fields ?? {})) {
    if (field.kind.kind === "list" && !field.optional) header[name] ??= []; // protobuf doesn't write an empty list
  }
  return header;
}

function readEnvelope(bytes: Uint8Array): Record<string, unknown> {
  try {
    return readFields(protobuf.Reader.create(bytes), bytes.length, ENVELOPE);
  } catch (error) {
    if (error instanceof MessageError) throw error;
    throw malformed(error instanceof Error ? error.message : String(error)); // protobufjs: RangeError and plain Error
  }
}

function writeFields(writer: protobuf.Writer, fields: Fields, value: Readonly<Record<string, unknown>>): void {
  for (const [name, field] of Object.entries(fields)) {
    if (value[name] !== undefined) writeField(writer, field.number, field.kind, value[name]);
  }
}

function writeField(writer: protobuf.Writer, number: number, kind: Kind, value: unknown): void {
  if (kind.kind === "list") {
    writeList(writer, number, kind.of, value as readonly unknown[]);
  } else if (kind.kind === "map") {
    for (const [key, item] of Object.entries(value as Record<string, unknown>)) {
      writer.uint32((number << 3) | BYTES).fork();
      writeField(writer, 1, { kind: "string" }, key);
      writeField(writer, 2, kind.of, item);
      writer.ldelim();
    }
  } else {
    writer.uint32((number << 3) | wireType(kind));
    writeValue(writer, kind, value);
  }
}

function writeList(writer: protobuf.Writer, number: number, kind: Kind, items: readonly unknown[]): void {
  if (kind.kind !== "uint") {
    for (const item of items) writeField(writer, number, kind, item);
  } else if (items.length > 0) {
    writer.uint32((number << 3) | BYTES).fork();
    for (const item of items) writer.uint64(item as number);
    writer.ldelim();
  }
}

function writeValue(writer: protobuf.Writer, kind: SingularKind, value: unknown): void {
  switch (kind.kind) {
    case "uint":
      writer.uint64(value as number);
      break;
    case "bool":
      writer.bool(value as boolean);
      break;
    case "number":
    case "bound":
      writer.double(value as number);
      break;
    case "string":
    case "choice":
      writer.string(value as string);
      break;
    case "json":
      writer.string(JSON.stringify(value));
      break;
    case "struct":
      writer.fork();
      writeFields(writer, kind.fields, value as Record<string, unknown>);
      writer.ldelim();
      break;
    default:
      kind satisfies never;
  }
}

function wireType(kind: Kind): number {
  if (kind.kind === "uint" || kind.kind === "bool") return VARINT;
  return kind.kind === "number" || kind.kind === "bound" ? FIXED64 : BYTES;
}

const NAMES_BY_NUMBER = new WeakMap<Fields, ReadonlyMap<number, readonly [name: string, field: Field]>>();

function byNumber(fields: Fields): ReadonlyMap<number, readonly [name: string, field: Field]> {
  let names = NAMES_BY_NUMBER.get(fields);
  if (!names) {
    names = new Map(Object.entries(fields).map(([name, field]) => [field.number, [name, field]]));
    NAMES_BY_NUMBER.set(fields, names);
  }
  return names;
}

function readFields(reader: protobuf.Reader, end: number, fields: Fields): Record<string, unknown> {
  const names = byNumber(fields);
  const values = new Map<string, unknown>();
  for (const [name, { kind }] of names.values()) {
    if (fields === ENVELOPE) continue; // where a list or map may be absent: it is, without an item
    if (kind.kind === "list") values.set(name, []);
    if (kind.kind === "map") values.set(name, {});
  }
  while (reader.pos < end) {
    const tag = reader.uint32();
    const number = tag >>> 3;
    const wire = tag & 7;
    const known = names.get(number);
    if (!known) {
      skip(reader, wire);
      values.set(`#${number}`, WRONG_WIRE_TYPE);
      continue;
    }
    const [name, { kind }] = known;
    if (kind.kind === "list") {
      const items = (values.get(name) ?? []) as unknown[];
      values.set(name, items);
      readItems(reader, wire, kind.of, items);
    } else if (kind.kind === "map") {
      const entries = (values.get(name) ?? {}) as Record<string, unknown>;
      values.set(name, entries);
      readEntry(reader, wire, kind.of, entries);
    } else {
      if (values.has(name)) throw malformed(`field ${name} comes twice`);
      values.set(name, readValue(reader, wire, kind));
    }
  }
  if (reader.pos !== end) throw malformed("a field runs over the end of its message");
  return Object.fromEntries(values);
}

function readItems(reader: protobuf.Reader, wire: number, kind: Kind, items: unknown[]): void {
  if (kind.kind !== "uint" || wire !== BYTES) {
    items.push(readValue(reader, wire, kind));
    return;
  }
  const end = lengthDelimitedEnd(reader);
  while (reader.pos < end) items.push(readValue(reader, VARINT, kind));
  if (reader.pos !== end) throw malformed("a packed list runs over its end");
}

function readEntry(reader: protobuf.Reader, wire: number, kind: Kind, map: Record<string, unknown>): void {
  if (wire !== BYTES) throw malformed("a map entry that is not a message");
  const entry = readFields(reader, lengthDelimitedEnd(reader), entryFields(kind));
  const key = entry.key ?? "";
  if (typeof key !== "string") throw malformed("a map key that is not a string");
  if (Object.hasOwn(map, key)) throw malformed("a map key that comes twice");
  Object.defineProperty(map, key, { value: entry.value ?? {}, enumerable: true, configurable: true, writable: true });
}

const ENTRY_FIELDS = new WeakMap<Kind, Fields>();

function entryFields(of: Kind): Fields {
  let fields = ENTRY_FIELDS.get(of);
  if (!fields) {
    fields = {
      key: { number: 1, kind: { kind: "string" }, optional: true },
      value: { number: 2, kind: of, optional: true },
    };
    ENTRY_FIELDS.set(of, fields);
  }
  return fields;
}

function readValue(reader: protobuf.Reader, wire: number, kind: Kind): unknown {
  if (wire !== wireType(kind)) {
    skip(reader, wire);
    return WRONG_WIRE_TYPE;
  }
  switch (kind.kind) {
    case "uint":
      return Number(reader.uint64()); // a Long where protobufjs found that library, else a number
    case "bool":
      return reader.bool();
    case "number":
    case "bound":
      return reader.double();
    case "string":
    case "choice":
      return readText(reader);
    case "json":
      return parseJson(readText(reader));
    case "struct":
      return readFields(reader, lengthDelimitedEnd(reader), kind.fields);
    default:
      throw malformed(`a ${kind.kind} inside a list or map`);
  }
}

const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function readText(reader: protobuf.Reader): string {
  const bytes = reader.bytes();
  try {
    return text.decode(bytes);
  } catch {
    throw malformed("a string that is not UTF-8");
  }
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return WRONG_WIRE_TYPE;
  }
}

function lengthDelimitedEnd(reader: protobuf.Reader): number {
  const length = reader.uint32();
  const end = reader.pos + length;
  if (end > reader.len) throw malformed("it ends too early");
  return end;
}

function skip(reader: protobuf.Reader, wire: number): void {
  if (wire !== VARINT && wire !== FIXED64 && wire !== BYTES && wire !== FIXED32) throw malformed(`wire type ${wire}`);
  reader.skipType(wire);
}

function malformed(why: string): MessageError {
  return new MessageError(
    "message_malformed",
    `the protobuf header is broken: ${why}`,
    "build messages as docs/protocol.md says",
    { why },
  );
}
