// A policy behind a socket: a client of openpi's WebSocket policy protocol and of the two dialects that others made of it.
//
// The server speaks first: one binary message, its metadata. Then each request gets one reply, in order; there are no
// ids, so one request is under way at a time. Text in place of a reply is a traceback.
import { OptionError, ProtocolError, WorldError } from "@worldstep/protocols";
import { WebSocket } from "#websocket";
import { within } from "../client/deadline.js";
import { drop, type WebSocketLike } from "../client/socket.js";
import { isTensor, malformed, type PolicyRecord, type PolicyValue, packPolicy, unpackPolicy } from "./policy-codec.js";

/**
 * `openpi`: Physical Intelligence's own; it has no reset. `roboarena`: every message names its `endpoint`, an answer is
 * the bare action array. `vllm-omni`: an endpoint, a `session_id` and a `seed`.
 */
export type PolicyDialect = "openpi" | "roboarena" | "vllm-omni";

export interface PolicyOptions {
  /** Default `openpi`. */
  readonly dialect?: PolicyDialect;
  /** Sent as `Authorization: Api-Key <key>`. A browser can't send it. */
  readonly apiKey?: string;
  /** Dialect `vllm-omni`: which of the server's sessions this is; default a random name. */
  readonly sessionId?: string;
  /** Milliseconds that the server may take to say hello and to answer; default 30,000. */
  readonly timeoutMs?: number;
}

/** A policy on a server. Any error of a call closes the connection. */
export interface RemotePolicy {
  /** What the server said of itself. */
  readonly metadata: PolicyRecord;
  /**
   * What the policy makes of `observation`; `actions` is `[horizon, A]`. Throws `ProtocolError`: `policy_failed` with the
   * server's traceback, `policy_malformed`, `connection_lost`, or `request_timeout`.
   */
  infer(observation: PolicyRecord): Promise<PolicyRecord>;
  /** Tells the policy that a new episode begins; `openpi` has no such message, and nothing is sent. Throws as `infer`. */
  reset(options?: { readonly seed?: number }): Promise<void>;
  close(): void;
}

/** Connects to the policy server at `url` (`ws://` or `wss://`). Throws `ProtocolError` (`connection_refused`). */
export async function connectPolicy(url: string, options: PolicyOptions = {}): Promise<RemotePolicy> {
  const { dialect = "openpi", apiKey, sessionId = randomName(), timeoutMs = 30_000 } = options;
  const speak = DIALECTS[dialect];
  if (speak === undefined) {
    const dialects = Object.keys(DIALECTS);
    throw new OptionError("option_dialect", `no dialect ${dialect}`, `use one of ${dialects.join(", ")}`, { dialects });
  }
  let wire: Wire | undefined;
  try {
    wire = new Wire(url, apiKey, timeoutMs);
    const metadata = asRecord(unpackPolicy(binary(await wire.hello())));
    return policyOn(wire, metadata, speak, sessionId);
  } catch (error) {
    wire?.close();
    const why = error instanceof WorldError ? error.summary : String(error);
    const remedy = "check the address, and that an openpi server runs there";
    throw new ProtocolError("connection_refused", `no policy at ${url}: ${why}`, remedy, { url }, { cause: error });
  }
}

function policyOn(wire: Wire, metadata: PolicyRecord, speak: Dialect, sessionId: string): RemotePolicy {
  return {
    metadata,
    infer: (observation) => wire.ask(speak.infer(observation, sessionId), speak.answer),
    reset: async ({ seed } = {}) => {
      if (speak.reset) await wire.ask(speak.reset.message(sessionId, seed), speak.reset.check);
    },
    close: () => wire.close(),
  };
}

/** What a dialect sends, and how it reads the reply: `ArrayBuffer` for a binary message, a string for text. */
interface Dialect {
  infer(observation: PolicyRecord, sessionId: string): PolicyRecord;
  answer(reply: unknown): PolicyRecord;
  readonly reset?: {
    message(sessionId: string, seed: number | undefined): PolicyRecord;
    check(reply: unknown): void;
  };
}

const DIALECTS: Readonly<Record<PolicyDialect, Dialect>> = {
  openpi: {
    infer: (observation) => observation,
    answer: (reply) => asRecord(unpackPolicy(binary(reply))),
  },
  roboarena: {
    infer: (observation) => ({ ...observation, endpoint: "infer" }),
    answer: (reply) => ({ actions: unpackPolicy(binary(reply)) }),
    reset: {
      message: () => ({ endpoint: "reset" }),
      check: (reply) => {
        if (reply !== "reset successful") throw typeof reply === "string" ? failed(reply) : malformed("no reset");
      },
    },
  },
  "vllm-omni": {
    infer: (observation, session_id) => ({ ...observation, endpoint: "infer", session_id }),
    answer: omniAnswer,
    reset: {
      message: (session_id, seed) => ({ endpoint: "reset", session_id, ...(seed === undefined ? {} : { seed }) }),
      check: omniAnswer,
    },
  },
};

function omniAnswer(reply: unknown): PolicyRecord {
  const answer = asRecord(unpackPolicy(binary(reply)));
  if (answer.type === "error") throw failed(String(answer.message));
  return answer;
}

// A socket whose messages are replies, in order: one request at a time has the turn.
class Wire {
  readonly #socket: WebSocketLike;
  readonly #arrived: unknown[] = [];
  #turn: Promise<unknown> = Promise.resolve();
  #waiting: { resolve(reply: unknown): void; reject(error: Error): void } | undefined;
  #lost: Error | undefined;

  constructor(
    readonly url: string,
    apiKey: string | undefined,
    readonly timeoutMs: number,
  ) {
    const headers = apiKey === undefined ? {} : { Authorization: `Api-Key ${apiKey}` };
    this.#socket = new WebSocket(url, [], { headers, perMessageDeflate: false });
    this.#socket.binaryType = "arraybuffer";
    let cause: string | undefined;
    this.#socket.onerror = (event) => {
      if ("message" in event) cause = String(event.message);
    };
    this.#socket.onclose = ({ code }) => this.#lose(cause ?? `the socket closed with code ${code}`, code);
    this.#socket.onmessage = ({ data }) => {
      if (this.#waiting === undefined) this.#arrived.push(data);
      else this.#waiting.resolve(data);
      this.#waiting = undefined;
    };
  }

  hello(): Promise<unknown> {
    return within(this.timeoutMs, "the policy server's hello", () => this.#next(), { remedy: CLOSED });
  }

  /** What `read` makes of the reply to `message`. An error closes the connection: whose a later reply is, nobody knows. */
  ask<T>(message: PolicyRecord, read: (reply: unknown) => T): Promise<T> {
    const result = this.#turn.then(async () => {
      try {
        if (this.#lost !== undefined) throw this.#lost;
        if (this.#arrived.length > 0) throw malformed("a message that nobody asked for");
        this.#socket.send(packPolicy(message));
        return read(await within(this.timeoutMs, "the policy", () => this.#next(), { remedy: CLOSED }));
      } catch (error) {
        this.close();
        throw error;
      }
    });
    this.#turn = result.catch(() => undefined);
    return result;
  }

  close(): void {
    this.#lose("the connection was closed");
    drop(this.#socket);
    this.#socket.close();
  }

  #next(): Promise<unknown> {
    if (this.#arrived.length > 0) return Promise.resolve(this.#arrived.shift());
    if (this.#lost !== undefined) return Promise.reject(this.#lost);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  #lose(why: string, closeCode?: number): void {
    const facts = { url: this.url, closeCode };
    this.#lost ??= new ProtocolError(
      "connection_lost",
      `the policy at ${this.url} is gone: ${why}`,
      "connect again",
      facts,
    );
    this.#waiting?.reject(this.#lost);
  }
}

const CLOSED = "connect again, or allow more time (timeoutMs)";

function randomName(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function binary(reply: unknown): Uint8Array {
  if (reply instanceof ArrayBuffer) return new Uint8Array(reply);
  throw failed(String(reply));
}

function asRecord(value: PolicyValue): PolicyRecord {
  if (typeof value === "object" && value !== null && !Array.isArray(value) && !isTensor(value))
    return value as PolicyRecord;
  throw malformed("something other than a map");
}

function failed(traceback: string): ProtocolError {
  const last = traceback.trim().split("\n").at(-1);
  return new ProtocolError("policy_failed", `the policy failed: ${last}`, "see facts.traceback", { traceback });
}
