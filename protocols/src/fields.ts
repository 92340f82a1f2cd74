// The fields of every message as one table: their kinds, their protobuf field numbers, and which message has which.
// Both codecs and the checks work from it; the compiler holds it to the types in messages.ts, a test holds it to
// worldstep.v1.proto.
import { CHANNEL_KINDS } from "./channel.js";
import { type Message, STREAM_POLICIES } from "./messages.js";
import type { Dtype } from "./tensor.js";

/**
 * What a field may hold. `uint`: a whole number in [0, 2^53). `number`: finite. `bound`: a number that may be
 * infinite. `json`: an object of JSON values. `struct`: named fields of its own.
 */
export type Kind =
  | { readonly kind: "uint" | "number" | "bound" | "bool" | "string" | "json" }
  | { readonly kind: "choice"; readonly of: readonly string[] }
  | { readonly kind: "list"; readonly of: Kind }
  | { readonly kind: "map"; readonly of: Kind }
  | { readonly kind: "struct"; readonly fields: Fields };

export interface Field {
  /** Protobuf field number. */
  readonly number: number;
  readonly kind: Kind;
  readonly optional: boolean;
}

export type Fields = Readonly<Record<string, Field>>;

const uint: Kind = { kind: "uint" };
const number: Kind = { kind: "number" };
const bound: Kind = { kind: "bound" };
const bool: Kind = { kind: "bool" };
const string: Kind = { kind: "string" };
const json: Kind = { kind: "json" };
const choice = (...of: readonly string[]): Kind => ({ kind: "choice", of });
const list = (of: Kind): Kind => ({ kind: "list", of });
const map = (of: Kind): Kind => ({ kind: "map", of });
const struct = (fields: Fields): Kind => ({ kind: "struct", fields });
const needed = (number: number, kind: Kind): Field => ({ number, kind, optional: false });
const optional = (number: number, kind: Kind): Field => ({ number, kind, optional: true });

const dtype = choice("uint8", "int32", "float32");

const TENSOR_INFO = struct({
  name: needed(1, string),
  dtype: needed(2, dtype),
  shape: needed(3, list(uint)),
});

const BOX_SPACE = struct({
  type: needed(1, choice("box")),
  dtype: needed(2, dtype),
  shape: needed(3, list(uint)),
  low: needed(4, bound),
  high: needed(5, bound),
});

const DICT_SPACE = struct({
  type: needed(1, choice("dict")),
  spaces: needed(2, map(BOX_SPACE)),
});

const CHANNEL = struct({
  name: needed(1, string),
  unit: optional(2, string),
  low: needed(3, number),
  high: needed(4, number),
  kind: needed(5, choice(...CHANNEL_KINDS)),
  idle: optional(6, number),
});

const WORLD_INFO = struct({
  id: needed(1, string),
  hash: needed(2, string),
  fps: needed(3, number),
  stride: needed(4, uint),
  observationSpace: needed(5, DICT_SPACE),
  actionSpace: needed(6, BOX_SPACE),
  proprioception: needed(8, list(string)),
  tasks: needed(9, list(string)),
  starts: needed(10, list(string)),
  maxTicks: needed(11, uint),
  acceptsFrames: needed(12, bool),
  nfe: optional(13, struct({ min: needed(1, uint), max: needed(2, uint), default: needed(3, uint) })),
  chunk: optional(14, uint),
  action: needed(15, list(CHANNEL)), // 7 was their names alone
});

const LIMITS = struct({
  maxSessions: needed(1, uint),
  maxInFlight: needed(2, uint),
  maxStreams: needed(3, uint),
  maxMessageBytes: needed(4, uint),
  sessionIdleSeconds: needed(5, number),
  keepAliveSeconds: needed(6, number),
  maxSessionsPerConnection: needed(7, uint),
  maxHeaderBytes: needed(8, uint),
  maxQueuedBytes: needed(9, uint),
  maxUnsentBytes: needed(10, uint),
  maxHeldBytes: needed(11, uint),
  maxConnections: needed(12, uint),
  maxIdleSeconds: needed(13, number),
});

const CHUNK_TICK = struct({
  reward: needed(1, number),
  terminated: needed(2, bool),
  truncated: needed(3, bool),
  info: needed(4, json),
});

/** Every field that a header can have. One name is one field, whatever the message. */
export const ENVELOPE = {
  type: needed(1, string),
  id: needed(2, uint),
  session: needed(3, string),
  token: needed(4, string),
  world: needed(5, string),
  tick: needed(6, uint),
  nfe: needed(7, uint),
  seed: needed(8, uint),
  task: needed(9, string),
  start: needed(10, string),
  maxTicks: needed(11, uint),
  target: needed(12, uint),
  policy: needed(13, choice(...STREAM_POLICIES)),
  credit: needed(14, uint),
  every: needed(15, uint),
  stream: needed(16, uint),
  ended: needed(17, bool),
  reward: needed(18, number),
  terminated: needed(19, bool),
  truncated: needed(20, bool),
  info: needed(21, json),
  serverMs: needed(22, number),
  removed: needed(23, bool),
  dropped: needed(24, uint),
  code: needed(25, string),
  message: needed(26, string),
  remedy: needed(27, string),
  facts: needed(28, json),
  protocol: needed(29, string),
  server: needed(30, string),
  worlds: needed(31, list(WORLD_INFO)),
  autoresetModes: needed(32, list(choice("NextStep", "SameStep", "Disabled"))),
  limits: needed(33, LIMITS),
  determinism: needed(34, string),
  tensors: optional(35, list(TENSOR_INFO)),
  ticks: needed(36, list(CHUNK_TICK)),
} as const satisfies Fields;

/** The tensors that a message may carry: by name, or an observation's, which the world's spec describes. */
export type TensorRule =
  | "observation"
  | Readonly<Record<string, { readonly dtype: Dtype; readonly optional: boolean }>>;

type FieldsOf<M> = {
  readonly [K in Exclude<keyof M, "type" | "tensors"> & string]-?: undefined extends M[K] ? "optional" : "needed";
};
type Rows = {
  readonly [M in Message as M["type"]]: { readonly fields: FieldsOf<M>; readonly tensors: TensorRule };
};

const ROWS: Rows = {
  open: { fields: { id: "needed", world: "needed" }, tensors: {} },
  resume: { fields: { id: "needed", session: "needed", token: "needed" }, tensors: {} },
  reset: {
    fields: {
      id: "needed",
      session: "needed",
      seed: "optional",
      task: "optional",
      start: "optional",
      maxTicks: "optional",
    },
    tensors: {
      frames: { dtype: "uint8", optional: true },
      actions: { dtype: "float32", optional: true },
      proprioception: { dtype: "float32", optional: true },
    },
  },
  step: {
    fields: { id: "needed", session: "needed", tick: "needed", nfe: "optional" },
    tensors: { action: { dtype: "float32", optional: false } },
  },
  stepChunk: {
    fields: { id: "needed", session: "needed", tick: "needed", nfe: "optional" },
    tensors: { actions: { dtype: "float32", optional: false } },
  },
  close: { fields: { id: "needed", session: "needed" }, tensors: {} },
  cancel: { fields: { id: "needed", target: "needed" }, tensors: {} },
  ping: { fields: { id: "needed" }, tensors: {} },
  subscribe: {
    fields: {
      id: "needed",
      session: "needed",
      token: "needed",
      policy: "needed",
      credit: "needed",
      every: "optional",
    },
    tensors: {},
  },
  credit: { fields: { stream: "needed", credit: "needed" }, tensors: {} },
  unsubscribe: { fields: { id: "needed", stream: "needed" }, tensors: {} },

  hello: {
    fields: {
      protocol: "needed",
      server: "needed",
      worlds: "needed",
      autoresetModes: "needed",
      limits: "needed",
      determinism: "needed",
    },
    tensors: {},
  },
  opened: { fields: { id: "needed", session: "needed", token: "needed" }, tensors: {} },
  resumed: {
    fields: { id: "needed", session: "needed", world: "needed", tick: "optional", ended: "needed" },
    tensors: {},
  },
  observation: {
    fields: { id: "needed", session: "needed", tick: "needed", info: "needed", serverMs: "needed" },
    tensors: "observation",
  },
  stepped: {
    fields: {
      id: "needed",
      session: "needed",
      tick: "needed",
      reward: "needed",
      terminated: "needed",
      truncated: "needed",
      info: "needed",
      serverMs: "needed",
    },
    tensors: "observation",
  },
  steppedChunk: {
    fields: { id: "needed", session: "needed", tick: "needed", ticks: "needed", serverMs: "needed" },
    tensors: "observation",
  },
  closed: { fields: { id: "needed", session: "needed" }, tensors: {} },
  cancelled: { fields: { id: "needed", target: "needed", removed: "needed" }, tensors: {} },
  pong: { fields: { id: "needed" }, tensors: {} },
  subscribed: { fields: { id: "needed", session: "needed", stream: "needed" }, tensors: {} },
  frame: {
    fields: {
      stream: "needed",
      tick: "needed",
      reward: "needed",
      terminated: "needed",
      truncated: "needed",
      info: "needed",
      dropped: "needed",
    },
    tensors: "observation",
  },
  unsubscribed: { fields: { id: "needed", stream: "needed" }, tensors: {} },
  streamEnded: { fields: { stream: "needed" }, tensors: {} },
  error: {
    fields: {
      id: "optional",
      session: "optional",
      code: "needed",
      message: "needed",
      remedy: "needed",
      facts: "needed",
    },
    tensors: {},
  },
};

export interface MessageShape {
  /** The fields of this message's header, `type` and `tensors` among them. */
  readonly fields: Fields;
  readonly tensors: TensorRule;
}

/** The shape of each message, by its `type`. */
export const MESSAGE_SHAPES: ReadonlyMap<string, MessageShape> = new Map(
  Object.entries(ROWS).map(([type, row]) => {
    const fields: Record<string, Field> = { type: ENVELOPE.type };
    for (const [name, presence] of Object.entries(row.fields)) {
      const field = ENVELOPE[name as keyof typeof ENVELOPE];
      fields[name] = { ...field, optional: presence === "optional" };
    }
    fields.tensors = ENVELOPE.tensors;
    return [type, { fields, tensors: row.tensors }];
  }),
);
