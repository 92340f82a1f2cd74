// The messages of worldstep.v1: what a client and a server say to one another. Their types follow from the table in
// fields.ts; docs/protocol.md says the same in prose.
//
// In every message `tensors` holds what travels raw behind the header. An observation's tensors are named
// `observation.<key>`: see `observationTensors` and `observationOf`.
import type { EnvSpec, Observation } from "./env.js";
import {
  type CHUNK_TICK,
  type ENVELOPE,
  type LIMITS,
  MESSAGE_SHAPES,
  type MESSAGES,
  type TensorRule,
  type WORLD_INFO,
} from "./fields.js";
import type { Flat, Names, TypeOf } from "./kinds.js";
import type { ByteTensor, FloatTensor, Tensor } from "./tensor.js";

export type Tensors = Readonly<Record<string, Tensor>>;

/** A world that a server hosts: its spec, and the hash that names its exact contents. */
export interface WorldInfo extends EnvSpec {
  readonly hash: string;
}

// The table has the same fields as the interface, of the same types.
type Same<A, B> = A extends B ? (B extends A ? true : false) : false;
true satisfies Same<TypeOf<typeof WORLD_INFO>, WorldInfo>;

export type Limits = TypeOf<typeof LIMITS>;
/** A tick of a chunk: what `stepped` says of one. */
export type ChunkTick = TypeOf<typeof CHUNK_TICK>;

/**
 * What happens to the ticks that a session commits while a subscription has no credit. `latest`: the newest is kept
 * and sent when credit comes. `drop`: they are dropped. `block`: the session doesn't take its next tick until there is.
 */
export type StreamPolicy = TypeOf<typeof ENVELOPE.policy.kind>;

type Rows = typeof MESSAGES;
type Needed<F, N extends keyof F> = { readonly [K in N]: ValueOf<K> };
type Optional<F, N extends keyof F> = { readonly [K in N]?: ValueOf<K> };
type ValueOf<K> = K extends keyof typeof ENVELOPE ? TypeOf<(typeof ENVELOPE)[K]["kind"]> : never;

type TensorOf<F> = F extends { readonly dtype: "uint8" } ? ByteTensor : FloatTensor;
type TensorsOf<R extends TensorRule> = R extends "observation"
  ? Tensors
  : keyof R extends never
    ? Readonly<Record<string, never>>
    : Flat<
        { readonly [K in Names<R, { readonly optional: false }>]: TensorOf<R[K]> } & {
          readonly [K in Names<R, { readonly optional: true }>]?: TensorOf<R[K]>;
        }
      >;

/** The message of type `T`. */
type MessageOf<T extends keyof Rows> = Flat<
  { readonly type: T } & Needed<Rows[T]["fields"], Names<Rows[T]["fields"], "needed">> &
    Optional<Rows[T]["fields"], Names<Rows[T]["fields"], "optional">> & {
      readonly tensors: TensorsOf<Rows[T]["tensors"]>;
    }
>;

export type OpenMessage = MessageOf<"open">;
export type ResumeMessage = MessageOf<"resume">;
export type ResetMessage = MessageOf<"reset">;
export type StepMessage = MessageOf<"step">;
export type StepChunkMessage = MessageOf<"stepChunk">;
export type ForkMessage = MessageOf<"fork">;
export type SnapshotMessage = MessageOf<"snapshot">;
export type RestoreMessage = MessageOf<"restore">;
export type PredictMessage = MessageOf<"predict">;
export type PlanMessage = MessageOf<"plan">;
export type CloseMessage = MessageOf<"close">;
export type CancelMessage = MessageOf<"cancel">;
export type PingMessage = MessageOf<"ping">;
export type SubscribeMessage = MessageOf<"subscribe">;
export type CreditMessage = MessageOf<"credit">;
export type UnsubscribeMessage = MessageOf<"unsubscribe">;
export type HelloMessage = MessageOf<"hello">;
export type OpenedMessage = MessageOf<"opened">;
export type ResumedMessage = MessageOf<"resumed">;
export type ObservationMessage = MessageOf<"observation">;
export type SteppedMessage = MessageOf<"stepped">;
export type SteppedChunkMessage = MessageOf<"steppedChunk">;
export type ForkedMessage = MessageOf<"forked">;
export type SnapshottedMessage = MessageOf<"snapshotted">;
export type RestoredMessage = MessageOf<"restored">;
export type PredictedMessage = MessageOf<"predicted">;
export type PlannedMessage = MessageOf<"planned">;
export type ClosedMessage = MessageOf<"closed">;
export type CancelledMessage = MessageOf<"cancelled">;
export type PongMessage = MessageOf<"pong">;
export type SubscribedMessage = MessageOf<"subscribed">;
export type FrameMessage = MessageOf<"frame">;
export type UnsubscribedMessage = MessageOf<"unsubscribed">;
export type StreamEndedMessage = MessageOf<"streamEnded">;
export type ErrorMessage = MessageOf<"error">;

type From<S> = { [T in keyof Rows]: Rows[T]["from"] extends S ? MessageOf<T> : never }[keyof Rows];
export type ClientMessage = From<"client">;
export type ServerMessage = From<"server">;
export type Message = ClientMessage | ServerMessage;

/** What a server answers, by the type of the request. */
export type Replies = {
  readonly [T in ClientMessage["type"]]: Rows[T] extends { readonly reply: infer R extends keyof Rows }
    ? MessageOf<R>
    : never;
};

export function isClientMessage(message: Message): message is ClientMessage {
  return MESSAGE_SHAPES.get(message.type)?.from === "client";
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
