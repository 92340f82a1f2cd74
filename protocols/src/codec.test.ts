// Both codecs against every message, the worked examples of docs/protocol.md, other implementations, and broken input.
import { readFileSync } from "node:fs";
import { runInNewContext } from "node:vm";
import { build } from "esbuild";
import fc from "fast-check";
import { Packr, Unpackr } from "msgpackr";
import protobuf from "protobufjs";
import { describe, expect, it } from "vitest";
import { MessageError } from "./check.js";
import { type Codec, decodeClientMessage, decodeMessage, encodeMessage, msgpackCodec, protobufCodec } from "./codec.js";
import { ENVELOPE, MESSAGE_SHAPES, type TensorRule } from "./fields.js";
import type { Fields, Kind } from "./kinds.js";
import type { HelloMessage, Message, StepMessage, SteppedMessage, WorldInfo } from "./messages.js";
import { byteTensor, type Dtype, elementCount, floatTensor, type Tensor } from "./tensor.js";

const CODECS = [msgpackCodec, protobufCodec];
const SCHEMA = readFileSync(new URL("../worldstep.v1.proto", import.meta.url), "utf8");
const DOCS = readFileSync(new URL("../../docs/protocol.md", import.meta.url), "utf8");

const STEP: StepMessage = {
  type: "step",
  id: 3,
  session: "s1",
  tick: 1,
  nfe: 2,
  tensors: { action: floatTensor(Float32Array.of(0.5, -1, 0, 1), [2, 2]) },
};
const STEPPED: SteppedMessage = {
  type: "stepped",
  id: 3,
  session: "s1",
  tick: 1,
  reward: 0.25,
  terminated: false,
  truncated: false,
  info: { success: false },
  serverMs: 1.5,
  tensors: {
    "observation.frames": byteTensor(Uint8Array.of(1, 2, 3, 4, 5, 6), [1, 1, 2, 3]),
    "observation.proprioception": floatTensor(Float32Array.of(1.5), [1]),
  },
};

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replace(/\s/g, ""), "hex"));

describe.each(CODECS)("$subprotocol", (codec) => {
  it("gives back every message", () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        expect(decodeMessage(codec, encodeMessage(codec, message))).toEqual(message);
      }),
      { numRuns: 2_000 },
    );
  });

  it("reads a message at any offset of a larger buffer", () => {
    const bytes = encodeMessage(codec, STEPPED);
    for (let offset = 0; offset < 8; offset++) {
      const buffer = new Uint8Array(bytes.length + 8);
      buffer.set(bytes, offset);
      expect(decodeMessage(codec, buffer.subarray(offset, offset + bytes.length))).toEqual(STEPPED);
      expect(decodeMessage(codec, Buffer.from(buffer.buffer, offset, bytes.length))).toEqual(STEPPED);
    }
  });

  it("matches the worked examples of docs/protocol.md", () => {
    const section = DOCS.slice(DOCS.indexOf(`### ${codec.subprotocol}`));
    const examples = [...section.matchAll(/```hex\n([\s\S]*?)```/g)].map(([, text]) =>
      (text ?? "").replace(/#.*/g, ""),
    );
    expect(hex(encodeMessage(codec, STEP))).toBe(hex(bytesOf(examples[0] ?? "")));
    expect(hex(encodeMessage(codec, STEPPED))).toBe(hex(bytesOf(examples[1] ?? "")));
  });

  it("refuses a message cut at any byte", () => {
    for (const message of [STEP, STEPPED, HELLO]) {
      const bytes = encodeMessage(codec, message);
      for (let length = 0; length < bytes.length; length++) {
        expect(() => decodeMessage(codec, bytes.subarray(0, length))).toThrow(MessageError);
      }
    }
  });

  it("answers mutated bytes with a message or a MessageError", () => {
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(anyMessage, edits, (message, changes) => {
        const bytes = encodeMessage(codec, message);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        decodeOrRefuse(codec, bytes);
      }),
      { numRuns: 5_000 },
    );
  });

  it("answers random headers with a message or a MessageError", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), (header) => decodeOrRefuse(codec, framed(header))),
      { numRuns: 5_000 },
    );
  });

  const refused: [code: string, header: Record<string, unknown>][] = [
    ["message_unknown_type", { type: "rewind", id: 1 }],
    ["message_field_missing", { id: 1 }],
    ["message_field_missing", { type: "open", id: 1 }],
    ["message_field_invalid", { type: "open", id: 2 ** 53, world: "w" }],
    ["message_field_invalid", { type: "subscribe", id: 1, session: "s", token: "t", policy: "newest", credit: 1 }],
    ["message_field_invalid", { type: "stepped", id: 1, session: "s", tick: 1, reward: Number.NaN }],
    ["message_unknown_field", { type: "open", id: 1, world: "w", token: "t" }],
    ["tensor_missing", { type: "step", id: 1, session: "s", tick: 1 }],
    ["tensor_unexpected", { type: "ping", id: 1, tensors: [info("action", "float32", [1])] }],
    ["tensor_dtype", step([info("action", "uint8", [8])])],
    ["tensor_duplicate", step([info("action", "float32", [0]), info("action", "float32", [0])])],
    ["tensor_bytes_mismatch", step([info("action", "float32", [1])])],
    ["tensor_bytes_mismatch", step([info("action", "float32", [2 ** 53 - 1, 2 ** 53 - 1, 2 ** 53 - 1])])],
    ["message_field_invalid", step([info("action", "float32", [0, 0, 0, 0, 0, 0, 0, 0, 0])])],
    ["message_field_invalid", step([{ name: "action", dtype: "float64", shape: [0] }])],
  ];
  it.each(refused)("refuses with %s: %j", (code, header) => {
    expect(codeOf(codec, framed(codec.pack(header)))).toBe(code);
  });

  it.each([
    ["message_unexpected_type", { type: "hello", id: 1 }],
    ["message_unexpected_type", { type: "pong" }],
    ["message_unexpected_type", { type: "error", id: 1, code: 7, more: true }],
    ["message_unknown_type", { type: "rewind", id: 1 }],
    ["message_field_missing", { type: "open", id: 1 }],
  ])("refuses from a client with %s, whatever the fields: %j", (code, header) => {
    const bytes = framed(codec.pack(header));
    expect(() => decodeClientMessage(codec, bytes, 100)).toThrow(expect.objectContaining({ code }));
  });

  it("says which request it refused", () => {
    const bytes = framed(codec.pack({ type: "open", id: 77 }));
    expect(() => decodeMessage(codec, bytes)).toThrow(expect.objectContaining({ requestId: 77 }));
  });

  it("ignores in a server's message what it doesn't know", () => {
    const bytes = framed(codec.pack({ type: "pong", id: 1, token: "from a newer server" }));
    expect(decodeMessage(codec, bytes)).toEqual({ type: "pong", id: 1, tensors: {} });
  });

  it("reads a world of an older server, which tells less of itself", () => {
    const [world] = (HELLO as HelloMessage).worlds as [WorldInfo];
    const { cameras: _, state: __, determinism: ___, ...older } = world;
    const { tensors: ____, ...header } = HELLO;
    const told = decodeMessage(codec, framed(codec.pack({ ...header, worlds: [older] })));
    expect(told).toMatchObject({ worlds: [{ ...older, cameras: [], state: [], determinism: "batch" }] });
  });

  it("refuses padding that isn't zero", () => {
    const bytes = encodeMessage(codec, {
      ...STEP,
      session: "s",
      tensors: { action: floatTensor(new Float32Array(1), [1]) },
    });
    bytes[bytes.length - 1] = 1;
    expect(codeOf(codec, bytes)).toBe("message_malformed");
  });

  it("refuses to encode what it would refuse to decode", () => {
    const bad = { ...STEPPED, reward: Number.NaN };
    expect(() => encodeMessage(codec, bad)).toThrow(expect.objectContaining({ code: "message_field_invalid" }));
    const date = { ...STEPPED, info: { at: new Date(0) } };
    expect(() => encodeMessage(codec, date)).toThrow(expect.objectContaining({ code: "message_field_invalid" }));
  });
});

describe("msgpack header", () => {
  it("is what msgpackr reads, and the reader takes every width of number", () => {
    expect(new Unpackr({ useRecords: false }).unpack(Buffer.from(msgpackCodec.pack(STEPPED.info)))).toEqual(
      STEPPED.info,
    );
    const header = { a: [0, 127, 128, 255, 256, 65535, 65536, 2 ** 32, -1, -32, -33, -129, -40000, -(2 ** 31), 0.5] };
    expect(msgpackCodec.unpack(new Packr({ useRecords: false }).pack(header))).toEqual(header);
    expect(msgpackCodec.unpack(bytesOf("81a161cf0000000000000007"))).toEqual({ a: 7 });
    expect(msgpackCodec.unpack(bytesOf("81a161d3fffffffffffffffe"))).toEqual({ a: -2 });
  });

  it.each([
    ["ext", "81a161d40101"],
    ["bin", "81a161c40101"],
    ["float 32", "81a161ca3f800000"],
    ["a record", "d4724091a16101"],
    ["an integer key", "810101"],
    ["a key twice", "82a16101a16102"],
    ["invalid UTF-8", "81a161a2ffff"],
    ["bytes behind the map", "8000"],
    ["an array", "90"],
    ["an array that claims 4 billion items", "81a161ddffffffff"],
    ["500 arrays in one another", "81a161".concat("91".repeat(500), "00")],
  ])("refuses %s", (_, text) => {
    expect(() => msgpackCodec.unpack(bytesOf(text))).toThrow(expect.objectContaining({ code: "message_malformed" }));
  });

  it("keeps a whole number whole, however large: a seed in an info, too", () => {
    const seed = 5_314_224_191_475_891;
    const bytes = msgpackCodec.pack({ info: { seed, below: [-(2 ** 40)] }, half: 0.5 });
    expect(Buffer.from(bytes).toString("hex")).toContain("d30012e1423d3090b3");
    expect(new Unpackr({ useRecords: false, int64AsType: "bigint" }).unpack(bytes)).toEqual({
      info: { seed: BigInt(seed), below: [-(2n ** 40n)] },
      half: 0.5,
    });
  });

  it("takes __proto__ as a plain name", () => {
    const read = msgpackCodec.unpack(bytesOf("81a95f5f70726f746f5f5f81a16101"));
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
    expect(Object.keys(read)).toEqual(["__proto__"]);
  });
});

describe("protobuf header", () => {
  const { root } = protobuf.parse(SCHEMA);
  const Envelope = root.lookupType("worldstep.v1.Envelope");

  it("has the fields of worldstep.v1.proto, which docs/protocol.md quotes", () => {
    expectSchema(ENVELOPE, Envelope);
    expect(DOCS).toContain(`\`\`\`proto\n${SCHEMA}\`\`\``);
  });

  it("is what protobufjs reads and writes by that schema", () => {
    const header = protobufCodec.unpack(headerOf(encodeMessage(protobufCodec, HELLO)));
    const theirs = Envelope.decode(headerOf(encodeMessage(protobufCodec, HELLO)));
    const plain = {
      ...Envelope.toObject(theirs, { longs: Number, arrays: true }),
      tensors: undefined,
      ticks: undefined,
      observe: undefined,
    };
    expect(header).toEqual(plain);
    expect(protobufCodec.unpack(Envelope.encode(Envelope.fromObject(header)).finish())).toEqual(header);
  });

  it("refuses a singular field that comes twice", () => {
    expect(() => protobufCodec.unpack(bytesOf("10011002"))).toThrow(
      expect.objectContaining({ code: "message_malformed" }),
    );
  });

  it("names a field with another wire type", () => {
    expect(codeOf(protobufCodec, framed(bytesOf("0a046f70656e" + "12 01 61" + "2a0177")))).toBe(
      "message_field_invalid",
    );
  });
});

it("runs in a browser under a content security policy without eval", async () => {
  const bundle = await build({
    entryPoints: [new URL("./index.ts", import.meta.url).pathname],
    bundle: true,
    write: false,
    platform: "browser",
    format: "iife",
    globalName: "protocols",
    logLevel: "error",
  });
  const globals = { TextEncoder, TextDecoder };
  const code = `${bundle.outputFiles[0]?.text}
    const message = { type: "ping", id: 5, tensors: {} };
    [protocols.msgpackCodec, protocols.protobufCodec]
      .map((codec) => protocols.decodeMessage(codec, protocols.encodeMessage(codec, message)).id).join();`;
  const result = runInNewContext(code, globals, { contextCodeGeneration: { strings: false, wasm: false } });
  expect(result).toBe("5,5");
});

const HELLO: Message = {
  type: "hello",
  protocol: "worldstep.v1",
  server: "test/1",
  worlds: [
    {
      id: "w",
      hash: "00",
      fps: 20,
      stride: 4,
      observationSpace: {
        type: "dict",
        spaces: {
          frames: { type: "box", dtype: "uint8", shape: [4, 8, 8, 3], low: 0, high: 255 },
          proprioception: { type: "box", dtype: "float32", shape: [2], low: Number.NEGATIVE_INFINITY, high: 1 },
        },
      },
      actionSpace: { type: "box", dtype: "float32", shape: [4, 5], low: -1, high: 1 },
      action: [{ name: "dx", unit: "m", low: -0.015, high: 0.015, kind: "delta", idle: 0 }],
      proprioception: [],
      cameras: [{ name: "table", key: "frames", height: 8, width: 8 }],
      state: [{ name: "x", unit: "m" }, { name: "cos yaw" }],
      determinism: "bitwise",
      tasks: ["play", "reach"],
      starts: [],
      maxTicks: 0,
      acceptsFrames: false,
      nfe: { min: 1, max: 4, default: 1 },
    },
  ],
  autoresetModes: ["Disabled"],
  limits: {
    maxSessions: 1,
    maxInFlight: 2,
    maxStreams: 3,
    maxMessageBytes: 4,
    sessionIdleSeconds: 5,
    keepAliveSeconds: 0.5,
    maxSessionsPerConnection: 6,
    maxHeaderBytes: 7,
    maxQueuedBytes: 8,
    maxUnsentBytes: 9,
    maxHeldBytes: 10,
    maxConnections: 11,
    maxIdleSeconds: 12,
  },
  determinism: "bitwise",
  tensors: {},
};

function info(name: string, dtype: Dtype, shape: number[]) {
  return { name, dtype, shape };
}

function step(tensors: readonly object[]) {
  return { type: "step", id: 1, session: "s", tick: 1, tensors };
}

/** A message with this header and no tensors' bytes. */
function framed(header: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((4 + header.length) / 8) * 8);
  new DataView(bytes.buffer).setUint32(0, header.length, true);
  bytes.set(header, 4);
  return bytes;
}

function headerOf(bytes: Uint8Array): Uint8Array {
  return bytes.slice(4, 4 + new DataView(bytes.buffer).getUint32(0, true));
}

function decodeOrRefuse(codec: Codec, bytes: Uint8Array): void {
  try {
    decodeMessage(codec, bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(MessageError);
  }
}

function codeOf(codec: Codec, bytes: Uint8Array): string {
  try {
    decodeMessage(codec, bytes);
  } catch (error) {
    return error instanceof MessageError ? error.code : String(error);
  }
  return "accepted";
}

function expectSchema(fields: Fields, type: protobuf.Type): void {
  const expected: Record<string, string> = {};
  for (const field of type.fieldsArray.map((f) => f.resolve())) {
    const rule = field.map ? "map " : field.repeated ? "repeated " : "";
    expected[field.name] = `${field.id} ${rule}${field.resolvedType ? "struct" : field.type}`;
  }
  const ours = Object.entries(fields).map(([name, { number, kind }]) => [name, `${number} ${protoType(kind)}`]);
  expect(Object.fromEntries(ours)).toEqual(expected);
  for (const [name, { kind }] of Object.entries(fields)) {
    const inner = "of" in kind && typeof kind.of === "object" && "kind" in kind.of ? kind.of : kind;
    const nested = type.fields[name]?.resolvedType;
    if (inner.kind === "struct") expectSchema(inner.fields, nested as protobuf.Type);
  }
}

function protoType(kind: Kind): string {
  if (kind.kind === "list") return `repeated ${protoType(kind.of)}`;
  if (kind.kind === "map") return `map ${protoType(kind.of)}`;
  const types = { uint: "uint64", number: "double", bound: "double", bool: "bool", struct: "struct" } as const;
  return kind.kind in types ? types[kind.kind as keyof typeof types] : "string";
}

const anyText = fc.string({ unit: "binary", maxLength: 12 }).filter((text) => !/\p{Surrogate}/u.test(text));
const positiveZero = (value: number): number => (value === 0 ? 0 : value);
const anyJson = fc.dictionary(
  anyText,
  fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.parse(JSON.stringify(value, dropNegativeZero))),
  { noNullPrototype: true },
);

function dropNegativeZero(_: string, value: unknown): unknown {
  return typeof value === "number" ? positiveZero(value) : value;
}

function anyOf(kind: Kind): fc.Arbitrary<unknown> {
  switch (kind.kind) {
    case "uint":
      return fc.oneof(fc.nat(300), fc.maxSafeNat());
    case "number":
      return fc.double({ noNaN: true, noDefaultInfinity: true }).map(positiveZero);
    case "bound":
      return fc.double({ noNaN: true }).map(positiveZero);
    case "bool":
      return fc.boolean();
    case "string":
      return anyText;
    case "json":
      return anyJson;
    case "choice":
      return fc.constantFrom(...kind.of);
    case "list":
      return fc.array(anyOf(kind.of), { minLength: kind.filled ? 1 : 0, maxLength: 4 });
    case "map":
      return fc.dictionary(anyText, anyOf(kind.of), {
        minKeys: kind.filled ? 1 : 0,
        maxKeys: 3,
        noNullPrototype: true,
      });
    case "struct":
      return anyFields(kind.fields);
  }
}

function anyFields(fields: Fields): fc.Arbitrary<Record<string, unknown>> {
  const entries = Object.entries(fields).filter(([name]) => name !== "tensors" && name !== "type");
  const model = Object.fromEntries(entries.map(([name, { kind }]) => [name, anyOf(kind)]));
  const requiredKeys = entries.filter(([, { optional }]) => !optional).map(([name]) => name);
  if (fields.type?.kind.kind === "choice") {
    model.type = anyOf(fields.type.kind); // of a box: a message's own is put in by its test
    requiredKeys.push("type");
  }
  return fc.record(model, { requiredKeys, noNullPrototype: true });
}

function anyTensor(dtype: Dtype): fc.Arbitrary<Tensor> {
  return fc.array(fc.nat(4), { maxLength: 4 }).chain((shape): fc.Arbitrary<Tensor> => {
    const length = elementCount(shape);
    const constraints = { minLength: length, maxLength: length };
    if (dtype === "uint8") return fc.uint8Array(constraints).map((data) => ({ dtype, shape, data }));
    if (dtype === "int32") return fc.int32Array(constraints).map((data) => ({ dtype, shape, data }));
    return fc.float32Array(constraints).map((data) => ({ dtype, shape, data }));
  });
}

function anyTensors(rule: TensorRule): fc.Arbitrary<Record<string, Tensor>> {
  if (rule === "observation") {
    const dtype = fc.constantFrom<Dtype>("uint8", "int32", "float32");
    const name = anyText.map((key) => `observation.${key}`);
    return fc.dictionary(name, dtype.chain(anyTensor), { maxKeys: 3, noNullPrototype: true });
  }
  const model = Object.fromEntries(Object.entries(rule).map(([name, { dtype }]) => [name, anyTensor(dtype)]));
  const requiredKeys = Object.keys(rule).filter((name) => !rule[name]?.optional);
  return fc.record(model, { requiredKeys, noNullPrototype: true });
}

const anyMessage: fc.Arbitrary<Message> = fc
  .constantFrom(...MESSAGE_SHAPES)
  .chain(([type, shape]) =>
    fc
      .tuple(anyFields(shape.fields), anyTensors(shape.tensors))
      .map(([fields, tensors]) => ({ type, ...fields, tensors }) as unknown as Message),
  );
