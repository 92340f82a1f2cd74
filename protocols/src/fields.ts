// Everything that travels in a header as one table: the fields, their kinds and protobuf numbers, and which message has
// which. The types in messages.ts follow from it, both codecs and the checks work from it, and `npm run derive` writes
// worldstep.v1.proto, the tables of docs/protocol.md and what the Python client knows from it: comments here are read there.
import { CHANNEL_KINDS } from "./channel.js";
import { DETERMINISM, OBSERVED } from "./env.js";
import {
  added,
  bool,
  bound,
  choice,
  type Field,
  type Fields,
  filled,
  json,
  list,
  map,
  needed,
  number,
  optional,
  string,
  struct,
  uint,
} from "./kinds.js";
import { PLAN_METHODS, PLAN_MODES } from "./planning.js";
import type { Dtype } from "./tensor.js";

export const PROTOCOL = "worldstep.v1";

/** Bytes of a header, at most. */
export const MAX_HEADER_BYTES = 1 << 20;

const dtype = choice("uint8", "int32", "float32");

/** One tensor behind the header. */
const TENSOR_INFO = struct("TensorInfo", {
  /** once in a message */
  name: needed(1, string),
  /** of its elements */
  dtype: needed(2, dtype),
  /** at most 8 sizes; empty for a scalar */
  shape: needed(3, list(uint)),
});

/** All tensors of that dtype and shape with elements in [low, high]. */
const BOX_SPACE = struct("BoxSpace", {
  /** what it is */
  type: needed(1, choice("box")),
  /** of the elements */
  dtype: needed(2, dtype),
  /** sizes */
  shape: needed(3, list(uint)),
  /** of every element; may be -infinity */
  low: needed(4, bound),
  /** of every element; may be +infinity */
  high: needed(5, bound),
});

/** A named set of spaces. */
const DICT_SPACE = struct("DictSpace", {
  /** what it is */
  type: needed(1, choice("dict")),
  /** by name */
  spaces: needed(2, map(BOX_SPACE)),
});

/** Evaluations of the denoiser. */
const NFE = struct("Nfe", {
  /** fewest */
  min: needed(1, uint),
  /** most */
  max: needed(2, uint),
  /** of a step that names none */
  default: needed(3, uint),
});

/** What one number of an action means to the robot. */
const CHANNEL = struct("Channel", {
  /** of the channel */
  name: needed(1, string),
  /** of `low`, `high` and `idle`: m, rad, px */
  unit: optional(2, string),
  /** what the action space's lower bound means, in `unit`; linear between the two */
  low: needed(3, number),
  /** what its upper bound means */
  high: needed(4, number),
  /** a change, where to be, what opens and closes, or one thing or another */
  kind: needed(5, choice(...CHANNEL_KINDS)),
  /** what holds still, 0 of a delta; where it is absent, saying the same again does */
  idle: optional(6, number),
});

/** A source of frames. */
const CAMERA = struct("Camera", {
  /** of the camera */
  name: needed(1, string),
  /** key of its frames in an observation: `frames` of the first camera */
  key: needed(2, string),
  /** pixels */
  height: needed(3, uint),
  /** pixels */
  width: needed(4, uint),
});

/** What one number of the state is. */
const STATE_CHANNEL = struct("StateChannel", {
  /** of the channel */
  name: needed(1, string),
  /** m, rad, px */
  unit: optional(2, string),
});

/** A world that a server hosts. */
export const WORLD_INFO = struct(
  "WorldInfo",
  {
    /** name of the world; what `open` takes */
    id: needed(1, string),
    /** names the world's exact contents; the same hash, seed and actions give the same episode (see `hello.determinism`) */
    hash: needed(2, string),
    /** frames, and control steps, a second */
    fps: needed(3, number),
    /** frames, and rows of the action block, a tick */
    stride: needed(4, uint),
    /** what each tick shows */
    observationSpace: needed(5, DICT_SPACE),
    /** float32 `[stride, A]` */
    actionSpace: needed(6, BOX_SPACE),
    /** what each of the A numbers of an action means to the robot */
    action: needed(15, list(CHANNEL)),
    /** name and unit of each element of `observation.proprioception` */
    proprioception: needed(8, list(string)),
    /** where frames come from, the main one first; empty where the world does not tell */
    cameras: added(16, list(CAMERA), []),
    /** what a tick says in numbers: the elements of `observation.proprioception`, then those of `info.environmentState`, whose keys are `name (unit)`; empty where the world does not tell */
    state: added(17, list(STATE_CHANNEL), []),
    /** `bitwise`: a session's bits do not depend on what runs beside it. `batch`: they may */
    determinism: added(18, choice(...DETERMINISM), "batch"),
    /** what `reset.task` takes; the first is the default */
    tasks: needed(9, list(string)),
    /** what `reset.start` takes; may be empty */
    starts: needed(10, list(string)),
    /** default time limit of an episode, in ticks; 0 for never */
    maxTicks: needed(11, uint),
    /** whether `reset` takes `frames` */
    acceptsFrames: needed(12, bool),
    /** evaluations of the denoiser that a tick may have; absent where the world samples nothing */
    nfe: optional(13, NFE),
    /** ticks that `stepChunk` takes at most; absent where nothing is denoised jointly */
    chunk: optional(14, uint),
    /** whether `predict` and `plan` work; absent: they don't */
    predicts: optional(19, bool),
  },
  { 7: "were names of actions" },
);

/** What of a world must stay as it was while a client's env of it lives, through a server's restart. */
export const LASTING = [
  "fps",
  "stride",
  "observationSpace",
  "actionSpace",
  "action",
  "proprioception",
] as const satisfies readonly (keyof typeof WORLD_INFO.fields)[];

/** What a server admits. */
export const LIMITS = struct("Limits", {
  /** open sessions of the server */
  maxSessions: needed(1, uint),
  /** open sessions of one connection */
  maxSessionsPerConnection: needed(7, uint),
  /** open requests of one session that wait for one another (`step`, `reset`, ..), and replies that a session keeps for retries, within 2 MiB */
  maxInFlight: needed(2, uint),
  /** open subscriptions of one connection */
  maxStreams: needed(3, uint),
  /** length of one message, header and tensors */
  maxMessageBytes: needed(4, uint),
  /** length of the header of a client's message */
  maxHeaderBytes: needed(8, uint),
  /** bytes of one connection's requests that have no reply yet; one more is refused, unless it is alone */
  maxQueuedBytes: needed(9, uint),
  /** bytes that wait for one connection to read them; with more, the next message cuts it: a message alone may have more. From 4 MiB on its sessions begin no request */
  maxUnsentBytes: needed(10, uint),
  /** bytes of both kinds, and of messages of which a part came, of all connections; with more, whoever holds most is cut */
  maxHeldBytes: needed(11, uint),
  /** open connections; with more, the one without session or request that asked for nothing for longest is closed, those that watch last */
  maxConnections: needed(12, uint),
  /** how long a session outlives its connection */
  sessionIdleSeconds: needed(5, number),
  /** how long a session is kept of which its owner asks nothing; 0 for ever */
  maxIdleSeconds: needed(13, number),
  /** seconds between the server's pings; a connection of which no byte came within one interval is cut, and so is an HTTP client that takes nothing of its response for as long */
  keepAliveSeconds: needed(6, number),
});

/** What `stepped` says, of one tick of a chunk. */
export const CHUNK_TICK = struct("ChunkTick", {
  /** sum over the tick's control steps */
  reward: needed(1, number),
  /** the task is done */
  terminated: needed(2, bool),
  /** the time limit was reached */
  truncated: needed(3, bool),
  /** of the tick */
  info: needed(4, json),
});

export const STREAM_POLICIES = ["latest", "block", "drop"] as const;

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
  observe: needed(37, filled(list(choice(...OBSERVED)))),
  method: needed(38, choice(...PLAN_METHODS)),
  over: needed(39, choice(...PLAN_MODES)),
  horizon: needed(40, uint),
  samples: needed(41, uint),
  iterations: needed(42, uint),
  goal: needed(43, filled(map(number))),
  plannedReturn: needed(44, number),
} as const satisfies Fields;

/** A tensor of a message; `shape` is for people. */
export interface TensorField {
  readonly dtype: Dtype;
  readonly optional: boolean;
  readonly shape: string;
}

/** The tensors that a message may carry: by name, or an observation's, which the world's spec describes. */
export type TensorRule = "observation" | Readonly<Record<string, TensorField>>;

interface Row {
  readonly from: "client" | "server";
  /** Type of the server's answer; absent where there is none. */
  readonly reply?: string;
  /** What of the envelope it has, beside `type` and `tensors`, in the order in which it is told. */
  readonly fields: Readonly<Partial<Record<Exclude<keyof typeof ENVELOPE, "type" | "tensors">, "needed" | "optional">>>;
  readonly tensors: TensorRule;
}

const sent = <const D extends Dtype>(dtype: D, shape: string) => ({ dtype, shape, optional: false }) as const;
const sentPerhaps = <const D extends Dtype>(dtype: D, shape: string) => ({ dtype, shape, optional: true }) as const;

/**
 * Every message. A client's `id` is chosen by the client, a whole number in [0, 2^53), unique among its open requests; the
 * reply carries it back.
 */
export const MESSAGES = {
  open: {
    from: "client",
    reply: "opened",
    fields: {
      id: "needed",
      /** `id` of one of the hello's worlds. */
      world: "needed",
    },
    tensors: {},
  },
  resume: {
    from: "client",
    reply: "resumed",
    fields: { id: "needed", session: "needed", token: "needed" },
    tensors: {},
  },
  reset: {
    from: "client",
    reply: "observation",
    fields: {
      id: "needed",
      session: "needed",
      seed: "optional",
      task: "optional",
      start: "optional",
      maxTicks: "optional",
    },
    tensors: {
      frames: sentPerhaps("uint8", "[1 + stride * n, H, W, 3]"),
      actions: sentPerhaps("float32", "[n, stride, A]"),
      proprioception: sentPerhaps("float32", "[P]"),
    },
  },
  step: {
    from: "client",
    reply: "stepped",
    fields: {
      id: "needed",
      session: "needed",
      /** The tick that this step makes: the last committed tick + 1. */
      tick: "needed",
      nfe: "optional",
      /** What the observation is to hold; absent: all. */
      observe: "optional",
    },
    tensors: { action: sent("float32", "[stride, A]") },
  },
  stepChunk: {
    from: "client",
    reply: "steppedChunk",
    fields: {
      id: "needed",
      session: "needed",
      /** The first tick that this makes: the last committed tick + 1. */
      tick: "needed",
      /** Evaluations for the whole chunk. */
      nfe: "optional",
      /** What the observations are to hold; absent: all. */
      observe: "optional",
    },
    tensors: { actions: sent("float32", "[K, stride, A]") },
  },
  fork: {
    from: "client",
    reply: "forked",
    fields: {
      id: "needed",
      session: "needed",
      /** The fork's random numbers are of it from its next tick on; without one they are the session's. */
      seed: "optional",
    },
    tensors: {},
  },
  snapshot: { from: "client", reply: "snapshotted", fields: { id: "needed", session: "needed" }, tensors: {} },
  restore: {
    from: "client",
    reply: "restored",
    fields: { id: "needed", session: "needed" },
    tensors: { snapshot: sent("uint8", "[n]") },
  },
  predict: {
    from: "client",
    reply: "predicted",
    fields: { id: "needed", session: "needed" },
    tensors: { actions: sent("float32", "[N, T, stride, A]") },
  },
  plan: {
    from: "client",
    reply: "planned",
    fields: {
      id: "needed",
      session: "needed",
      method: "optional",
      over: "optional",
      /** Ticks of a plan. */
      horizon: "optional",
      /** Action sequences an iteration. */
      samples: "optional",
      iterations: "optional",
      /** Of each tick over the world; absent: the world's default. */
      nfe: "optional",
      /** What is rewarded; absent: the session's. */
      task: "optional",
      /** Where to be instead: values by names with units of the world's `state`. */
      goal: "optional",
      /** Keys the random numbers of the search. */
      seed: "optional",
    },
    tensors: { begin: sentPerhaps("float32", "[horizon, stride, A]") },
  },
  close: { from: "client", reply: "closed", fields: { id: "needed", session: "needed" }, tensors: {} },
  cancel: {
    from: "client",
    reply: "cancelled",
    fields: {
      id: "needed",
      /** `id` of the request that is not wanted any more. */
      target: "needed",
    },
    tensors: {},
  },
  ping: { from: "client", reply: "pong", fields: { id: "needed" }, tensors: {} },
  subscribe: {
    from: "client",
    reply: "subscribed",
    fields: {
      id: "needed",
      session: "needed",
      token: "needed",
      policy: "needed",
      /** Frames that may be sent before the first `credit` message. */
      credit: "needed",
      /** Only ticks that are a multiple of it, at least 1, and the last tick of an episode; default 1. */
      every: "optional",
    },
    tensors: {},
  },
  credit: { from: "client", fields: { stream: "needed", credit: "needed" }, tensors: {} },
  unsubscribe: { from: "client", reply: "unsubscribed", fields: { id: "needed", stream: "needed" }, tensors: {} },

  hello: {
    from: "server",
    fields: {
      /** `worldstep.v1`. */
      protocol: "needed",
      /** Name and version of the server, for people. */
      server: "needed",
      worlds: "needed",
      /** What the server itself does after an episode's end: `["Disabled"]`; the client makes the other modes. */
      autoresetModes: "needed",
      limits: "needed",
      /** What "the same seed and actions give the same bits" holds across, for people. */
      determinism: "needed",
    },
    tensors: {},
  },
  opened: {
    from: "server",
    fields: {
      id: "needed",
      session: "needed",
      /** The secret that `resume` and `subscribe` need. */
      token: "needed",
    },
    tensors: {},
  },
  resumed: {
    from: "server",
    fields: {
      id: "needed",
      session: "needed",
      world: "needed",
      /** The last committed tick; absent when the session was never reset. */
      tick: "optional",
      /** Whether the episode is over: only `reset` goes on. */
      ended: "needed",
    },
    tensors: {},
  },
  observation: {
    from: "server",
    fields: {
      id: "needed",
      session: "needed",
      /** 0. */
      tick: "needed",
      info: "needed",
      /** Milliseconds that the env took. */
      serverMs: "needed",
    },
    tensors: "observation",
  },
  stepped: {
    from: "server",
    fields: {
      id: "needed",
      session: "needed",
      tick: "needed",
      reward: "needed",
      terminated: "needed",
      truncated: "needed",
      info: "needed",
      /** Milliseconds that the env took. */
      serverMs: "needed",
    },
    tensors: "observation",
  },
  steppedChunk: {
    from: "server",
    fields: {
      id: "needed",
      session: "needed",
      /** The last committed tick. */
      tick: "needed",
      /** The ticks that were made, oldest first; fewer than were asked for where the episode ended. */
      ticks: "needed",
      /** Milliseconds that the env took. */
      serverMs: "needed",
    },
    tensors: "observation",
  },
  forked: {
    from: "server",
    fields: {
      id: "needed",
      /** The new session. */
      session: "needed",
      /** The new session's. */
      token: "needed",
      /** The tick at which it was forked. */
      tick: "needed",
      ended: "needed",
    },
    tensors: {},
  },
  snapshotted: {
    from: "server",
    fields: {
      id: "needed",
      session: "needed",
      /** The tick that it shows. */
      tick: "needed",
      ended: "needed",
    },
    tensors: { snapshot: sent("uint8", "[n]") },
  },
  restored: {
    from: "server",
    fields: {
      id: "needed",
      session: "needed",
      /** The tick at which the session is now. */
      tick: "needed",
      ended: "needed",
    },
    tensors: {},
  },
  predicted: {
    from: "server",
    fields: {
      id: "needed",
      session: "needed",
      /** The tick from which it was predicted. */
      tick: "needed",
      /** Milliseconds that the env took. */
      serverMs: "needed",
    },
    tensors: {
      states: sent("float32", "[N, T, Q]"),
      rewards: sent("float32", "[N, T, tasks - 1]"),
      successes: sent("float32", "[N, T, tasks - 1]"),
    },
  },
  planned: {
    from: "server",
    fields: {
      id: "needed",
      session: "needed",
      /** The tick from which it was planned. */
      tick: "needed",
      /** Of the plan, as it was dreamed. */
      plannedReturn: "needed",
      /** Milliseconds that the env took. */
      serverMs: "needed",
    },
    tensors: { actions: sent("float32", "[horizon, stride, A]") },
  },
  closed: { from: "server", fields: { id: "needed", session: "needed" }, tensors: {} },
  cancelled: {
    from: "server",
    fields: {
      id: "needed",
      target: "needed",
      /** True: the target was answered `request_cancelled`; it had not begun, or is a plan. False: it runs or was already answered. */
      removed: "needed",
    },
    tensors: {},
  },
  pong: { from: "server", fields: { id: "needed" }, tensors: {} },
  subscribed: {
    from: "server",
    fields: {
      id: "needed",
      session: "needed",
      /** Names the stream on this connection. */
      stream: "needed",
    },
    tensors: {},
  },
  frame: {
    from: "server",
    fields: {
      stream: "needed",
      /** 0 is a reset. */
      tick: "needed",
      reward: "needed",
      terminated: "needed",
      truncated: "needed",
      info: "needed",
      /** Ticks that the policy left out since the stream's previous frame. */
      dropped: "needed",
    },
    tensors: "observation",
  },
  unsubscribed: { from: "server", fields: { id: "needed", stream: "needed" }, tensors: {} },
  streamEnded: { from: "server", fields: { stream: "needed" }, tensors: {} },
  error: {
    from: "server",
    fields: {
      /** The request that failed. Without it, the error is about a message that had none, or about the session. */
      id: "optional",
      session: "optional",
      code: "needed",
      message: "needed",
      remedy: "needed",
      facts: "needed",
    },
    tensors: {},
  },
} as const satisfies Readonly<Record<string, Row>>;

export interface MessageShape {
  readonly from: Row["from"];
  /** The fields of this message's header, `type` and `tensors` among them. */
  readonly fields: Fields;
  readonly tensors: TensorRule;
}

/** The shape of each message, by its `type`. */
export const MESSAGE_SHAPES: ReadonlyMap<string, MessageShape> = new Map(
  Object.entries<Row>(MESSAGES).map(([type, { from, fields: presence, tensors }]) => {
    const fields: Record<string, Field> = { type: ENVELOPE.type };
    for (const [name, needs] of Object.entries(presence)) {
      fields[name] = { ...ENVELOPE[name as keyof typeof ENVELOPE], optional: needs === "optional" };
    }
    fields.tensors = ENVELOPE.tensors;
    return [type, { from, fields, tensors }];
  }),
);
