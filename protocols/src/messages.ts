// The messages of worldstep.v1: what a client and a server say to one another. docs/protocol.md is the same in prose,
// fields.ts is the same as a table (field numbers, kinds), from which both codecs and the checks work.
//
// In every message `tensors` holds what travels raw behind the header. An observation's tensors are named
// `observation.<key>`: see `observationTensors` and `observationOf`.
import type { AutoresetMode, EnvSpec, Info, Observation } from "./env.js";
import type { ErrorFacts } from "./errors.js";
import type { ByteTensor, FloatTensor, Tensor } from "./tensor.js";

export const PROTOCOL = "worldstep.v1";

export type Tensors = Readonly<Record<string, Tensor>>;
type NoTensors = Readonly<Record<string, never>>;

/** A world that a server hosts: its spec, and the hash that names its exact contents. */
export interface WorldInfo extends EnvSpec {
  readonly hash: string;
}

export interface Limits {
  /** Open sessions of the whole server. */
  readonly maxSessions: number;
  /** Open sessions of one connection. */
  readonly maxSessionsPerConnection: number;
  /** Open `step` and `reset` requests of one session; also how many of its last replies can be asked for again, within 2 MiB. */
  readonly maxInFlight: number;
  /** Open subscriptions of one connection. */
  readonly maxStreams: number;
  /** Bytes of one message, header and tensors. */
  readonly maxMessageBytes: number;
  /** Bytes of the header of a client's message. */
  readonly maxHeaderBytes: number;
  /** Bytes of one connection's requests that have no reply yet; a request alone may have more. */
  readonly maxQueuedBytes: number;
  /** Bytes that wait for one connection to read them; with more, the next message cuts it. A message alone may have more. */
  readonly maxUnsentBytes: number;
  /** Bytes of both kinds, and of messages of which a part came, of all connections; more, and who holds most is cut. */
  readonly maxHeldBytes: number;
  /** Open connections; with more, one that has no session is closed for the new one. */
  readonly maxConnections: number;
  /** Seconds that a session lives on after its connection was lost. */
  readonly sessionIdleSeconds: number;
  /** Seconds without a request after which a session ends although its owner is connected; 0 for never. */
  readonly maxIdleSeconds: number;
  /**
   * Seconds between the server's WebSocket pings; a connection of which no byte came within one interval is cut, and so is
   * an HTTP client that takes nothing of its response for as long.
   */
  readonly keepAliveSeconds: number;
}

/**
 * What happens to the ticks that a session commits while a subscription has no credit. `latest`: the newest is kept
 * and sent when credit comes. `drop`: they are dropped. `block`: the session doesn't take its next tick until there is.
 */
export type StreamPolicy = "latest" | "block" | "drop";
export const STREAM_POLICIES: readonly StreamPolicy[] = ["latest", "block", "drop"];

// Client to server. `id` is chosen by the client, a whole number in [0, 2^53), unique among its open requests; the
// reply carries it back.

export interface OpenMessage {
  readonly type: "open";
  readonly id: number;
  /** `id` of one of the hello's worlds. */
  readonly world: string;
  readonly tensors: NoTensors;
}

export interface ResumeMessage {
  readonly type: "resume";
  readonly id: number;
  readonly session: string;
  readonly token: string;
  readonly tensors: NoTensors;
}

export interface ResetMessage {
  readonly type: "reset";
  readonly id: number;
  readonly session: string;
  readonly seed?: number;
  readonly task?: string;
  readonly start?: string;
  readonly maxTicks?: number;
  readonly tensors: {
    readonly frames?: ByteTensor;
    readonly actions?: FloatTensor;
    readonly proprioception?: FloatTensor;
  };
}

export interface StepMessage {
  readonly type: "step";
  readonly id: number;
  readonly session: string;
  /** The tick that this step makes: the last committed tick + 1. */
  readonly tick: number;
  readonly nfe?: number;
  readonly tensors: { readonly action: FloatTensor };
}

export interface StepChunkMessage {
  readonly type: "stepChunk";
  readonly id: number;
  readonly session: string;
  /** The first tick that this makes: the last committed tick + 1. */
  readonly tick: number;
  /** Evaluations for the whole chunk. */
  readonly nfe?: number;
  /** Shape `[K, stride, A]`, K from 1 to the world's `chunk`. */
  readonly tensors: { readonly actions: FloatTensor };
}

export interface CloseMessage {
  readonly type: "close";
  readonly id: number;
  readonly session: string;
  readonly tensors: NoTensors;
}

export interface CancelMessage {
  readonly type: "cancel";
  readonly id: number;
  /** `id` of the `step` or `reset` that is not wanted any more. */
  readonly target: number;
  readonly tensors: NoTensors;
}

export interface PingMessage {
  readonly type: "ping";
  readonly id: number;
  readonly tensors: NoTensors;
}

export interface SubscribeMessage {
  readonly type: "subscribe";
  readonly id: number;
  readonly session: string;
  readonly token: string;
  readonly policy: StreamPolicy;
  /** Frames that may be sent before the first `credit` message. */
  readonly credit: number;
  /** Only ticks that are a multiple of it, and the last tick of an episode; default 1. */
  readonly every?: number;
  readonly tensors: NoTensors;
}

/** Grants `credit` more frames to a stream. The only client message without `id`: it has no reply. */
export interface CreditMessage {
  readonly type: "credit";
  readonly stream: number;
  readonly credit: number;
  readonly tensors: NoTensors;
}

export interface UnsubscribeMessage {
  readonly type: "unsubscribe";
  readonly id: number;
  readonly stream: number;
  readonly tensors: NoTensors;
}

// Server to client.

export interface HelloMessage {
  readonly type: "hello";
  /** `worldstep.v1`. */
  readonly protocol: string;
  /** Name and version of the server, for people. */
  readonly server: string;
  readonly worlds: readonly WorldInfo[];
  /** What the server itself does after an episode's end: `["Disabled"]`; the client makes the other modes. */
  readonly autoresetModes: readonly AutoresetMode[];
  readonly limits: Limits;
  /** What "the same seed and actions give the same bits" holds across, for people. */
  readonly determinism: string;
  readonly tensors: NoTensors;
}

export interface OpenedMessage {
  readonly type: "opened";
  readonly id: number;
  readonly session: string;
  /** The secret that `resume` and `subscribe` need. */
  readonly token: string;
  readonly tensors: NoTensors;
}

export interface ResumedMessage {
  readonly type: "resumed";
  readonly id: number;
  readonly session: string;
  readonly world: string;
  /** The last committed tick; absent when the session was never reset. */
  readonly tick?: number;
  /** Whether the episode is over: only `reset` goes on. */
  readonly ended: boolean;
  readonly tensors: NoTensors;
}

/** The reply to `reset`. Tensors: `observation.*`. */
export interface ObservationMessage {
  readonly type: "observation";
  readonly id: number;
  readonly session: string;
  /** 0. */
  readonly tick: number;
  readonly info: Info;
  /** Milliseconds that the env took. */
  readonly serverMs: number;
  readonly tensors: Tensors;
}

/** The reply to `step`. Tensors: `observation.*`. */
export interface SteppedMessage {
  readonly type: "stepped";
  readonly id: number;
  readonly session: string;
  readonly tick: number;
  readonly reward: number;
  readonly terminated: boolean;
  readonly truncated: boolean;
  readonly info: Info;
  /** Milliseconds that the env took. */
  readonly serverMs: number;
  readonly tensors: Tensors;
}

/** A tick of a chunk: what `stepped` says of one. */
export type ChunkTick = Pick<SteppedMessage, "reward" | "terminated" | "truncated" | "info">;

/** The reply to `stepChunk`. Tensors: `observation.*`, each with one row more in front, a row a tick. */
export interface SteppedChunkMessage {
  readonly type: "steppedChunk";
  readonly id: number;
  readonly session: string;
  /** The last committed tick. */
  readonly tick: number;
  /** The ticks that were made, oldest first; fewer than were asked for where the episode ended. */
  readonly ticks: readonly ChunkTick[];
  /** Milliseconds that the env took. */
  readonly serverMs: number;
  readonly tensors: Tensors;
}

export interface ClosedMessage {
  readonly type: "closed";
  readonly id: number;
  readonly session: string;
  readonly tensors: NoTensors;
}

export interface CancelledMessage {
  readonly type: "cancelled";
  readonly id: number;
  readonly target: number;
  /** True: the target had not begun and was answered `request_cancelled`. False: it runs or was already answered. */
  readonly removed: boolean;
  readonly tensors: NoTensors;
}

export interface PongMessage {
  readonly type: "pong";
  readonly id: number;
  readonly tensors: NoTensors;
}

export interface SubscribedMessage {
  readonly type: "subscribed";
  readonly id: number;
  readonly session: string;
  /** Names the stream on this connection. */
  readonly stream: number;
  readonly tensors: NoTensors;
}

/** One committed tick of a watched session; tick 0 is a reset. Tensors: `observation.*`. */
export interface FrameMessage {
  readonly type: "frame";
  readonly stream: number;
  readonly tick: number;
  readonly reward: number;
  readonly terminated: boolean;
  readonly truncated: boolean;
  readonly info: Info;
  /** Ticks that the policy left out since the stream's previous frame. */
  readonly dropped: number;
  readonly tensors: Tensors;
}

export interface UnsubscribedMessage {
  readonly type: "unsubscribed";
  readonly id: number;
  readonly stream: number;
  readonly tensors: NoTensors;
}

/** The stream's session was closed; no more frames come. */
export interface StreamEndedMessage {
  readonly type: "streamEnded";
  readonly stream: number;
  readonly tensors: NoTensors;
}

/** `id`: the request that failed. Without it, the error is about a message that had none, or about the session. */
export interface ErrorMessage {
  readonly type: "error";
  readonly id?: number;
  readonly session?: string;
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly facts: ErrorFacts;
  readonly tensors: NoTensors;
}

export type ClientMessage =
  | OpenMessage
  | ResumeMessage
  | ResetMessage
  | StepMessage
  | StepChunkMessage
  | CloseMessage
  | CancelMessage
  | PingMessage
  | SubscribeMessage
  | CreditMessage
  | UnsubscribeMessage;

export type ServerMessage =
  | HelloMessage
  | OpenedMessage
  | ResumedMessage
  | ObservationMessage
  | SteppedMessage
  | SteppedChunkMessage
  | ClosedMessage
  | CancelledMessage
  | PongMessage
  | SubscribedMessage
  | FrameMessage
  | UnsubscribedMessage
  | StreamEndedMessage
  | ErrorMessage;

export type Message = ClientMessage | ServerMessage;

const CLIENT_TYPES: ReadonlySet<string> = new Set<ClientMessage["type"]>([
  "open",
  "resume",
  "reset",
  "step",
  "stepChunk",
  "close",
  "cancel",
  "ping",
  "subscribe",
  "credit",
  "unsubscribe",
]);

export function isClientMessage(message: Message): message is ClientMessage {
  return CLIENT_TYPES.has(message.type);
}

const OBSERVATION = "observation.";

/** The tensors of a message that carries `observation`. */
export function observationTensors(observation: Observation): Tensors {
  return Object.fromEntries(Object.entries(observation).map(([key, tensor]) => [OBSERVATION + key, tensor]));
}

/** The tensors of a message that carries several observations, at least one: each with one row more in front. */
export function observationsTensors(observations: readonly Observation[]): Tensors {
  const stacked = Object.entries(observations[0] as Observation).map(([key, { dtype, shape, data }]) => {
    const Kind = data.constructor as Uint8ArrayConstructor;
    const whole = new Kind(observations.length * data.length);
    for (const [k, observation] of observations.entries()) {
      whole.set((observation[key] as Tensor).data as Uint8Array, k * data.length);
    }
    return [OBSERVATION + key, { dtype, shape: [observations.length, ...shape], data: whole } as Tensor];
  });
  return Object.fromEntries(stacked);
}

/** The observations that a message carries, `count` of them: views of its tensors. */
export function observationsOf(message: { readonly tensors: Tensors }, count: number): Observation[] {
  const stacked = Object.entries(observationOf(message));
  return Array.from({ length: count }, (_, k) => {
    const rows = stacked.map(([key, { dtype, shape, data }]) => {
      const size = data.length / count;
      return [key, { dtype, shape: shape.slice(1), data: data.subarray(k * size, (k + 1) * size) }];
    });
    return Object.fromEntries(rows) as Observation;
  });
}

/** The observation that a message carries. */
export function observationOf(message: { readonly tensors: Tensors }): Observation {
  const named = Object.entries(message.tensors).map(([name, tensor]) => [name.slice(OBSERVATION.length), tensor]);
  return Object.fromEntries(named) as Observation; // what is in it, the env's observationSpace promised
}
