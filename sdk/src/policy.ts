// A policy behind a socket: a client of openpi's WebSocket policy protocol and of the two dialects that others made of it.
//
// The server speaks first: one binary message, its metadata. Then each request gets one reply, in order; there are no
// ids, so one request is under way at a time. Text in place of a reply is a traceback.
import { OptionError, ProtocolError } from "@worldstep/protocols";
import { WebSocket as DefaultWebSocket } from "#websocket";
import { within } from "./deadline.js";
import { type PolicyRecord, type PolicyValue, packPolicy, unpackPolicy } from "./policy-codec.js";
import { drop, type WebSocketLike } from "./socket.js";

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
  /** Dialect `vllm-omni`: which of the server's sessions this is; default a random one. */
  readonly sessionId?: string;
  /** Milliseconds that the server may take to say hello and to answer; default 30,000. */
  readonly timeoutMs?: number;
}

/** A policy on a server. After an error the connection is closed. */
export interface RemotePolicy {
  /** What the server said of itself. */
  readonly metadata: PolicyRecord;
  /**
   * What the policy makes of `observation`; `actions` is `[horizon, A]`. Throws `ProtocolError`: `policy_failed` with the
   * server's traceback, `policy_malformed`, `connection_lost` or `request_timeout`.
   */
  infer(observation: PolicyRecord): Promise<PolicyRecord>;
  /** Tells the policy that a new episode begins; `openpi` has no such message, and nothing is sent. */
  reset(options?: { readonly seed?: number }): Promise<void>;
  close(): void;
}

/** Connects to the policy server at `url` (`ws://` or `wss://`). Throws `ProtocolError` (`connection_refused`). */
export async function connectPolicy(url: string, options: PolicyOptions = {}): Promise<RemotePolicy> {
  const { dialect = "openpi", apiKey, sessionId = crypto.randomUUID(), timeoutMs = 30_000 } = options;
  const speak = DIALECTS[dialect];
  if (speak === undefined) {
    const dialects = Object.keys(DIALECTS);
    throw new OptionError("option_dialect", `no dialect ${dialect}`, `use one of ${dialects.join(", ")}`, { dialects });
  }
  const headers = apiKey === undefined ? {} : { Authorization: `Api-Key ${apiKey}` };
  const socket = new DefaultWebSocket(url, [], { headers, perMessageDeflate: false });
  socket.binaryType = "arraybuffer";
  const wire = new Wire(socket, url);
  const hello = await within(timeoutMs, "the policy server's hello", () => wire.next()).catch((error) => {
    wire.close();
    const why = error instanceof Error ? error.message : String(error);
    const remedy = "check the address, and that an openpi server runs there";
    throw new ProtocolError("connection_refused", `no policy at ${url}: ${why}`, remedy, { url });
  });

  const ask = async (message: PolicyRecord): Promise<unknown> => {
    try {
      return await within(timeoutMs, "the policy", () => wire.ask(packPolicy(message)));
    } catch (error) {
      wire.close(); // a late reply would be taken for the next one's
      throw error;
    }
  };
  return {
    metadata: record(unpackPolicy(binary(hello))),
    infer: async (observation) => speak.answer(unpackPolicy(binary(await ask(speak.infer(observation, sessionId))))),
    reset: async ({ seed } = {}) => {
      const message = speak.reset?.(sessionId, seed);
      if (message !== undefined) await ask(message);
    },
    close: () => wire.close(),
  };
}

interface Dialect {
  infer(observation: PolicyRecord, sessionId: string): PolicyRecord;
  answer(reply: PolicyValue): PolicyRecord;
  reset?(sessionId: string, seed: number | undefined): PolicyRecord;
}

const DIALECTS: Readonly<Record<PolicyDialect, Dialect>> = {
  openpi: { infer: (observation) => observation, answer: record },
  roboarena: {
    infer: (observation) => ({ ...observation, endpoint: "infer" }),
    answer: (actions) => ({ actions }),
    reset: () => ({ endpoint: "reset" }),
  },
  "vllm-omni": {
    infer: (observation, session_id) => ({ ...observation, endpoint: "infer", session_id }),
    answer: (reply) => {
      const answer = record(reply);
      if (answer.type === "error") throw failed(String(answer.message));
      return answer;
    },
    reset: (session_id, seed) => ({ endpoint: "reset", session_id, ...(seed === undefined ? {} : { seed }) }),
  },
};

// Messages of the socket in order, one waiter at a time.
class Wire {
  #turn: Promise<unknown> = Promise.resolve();
  readonly #arrived: unknown[] = [];
  #waiting: { resolve(data: unknown): void; reject(error: Error): void } | undefined;
  #lost: Error | undefined;

  constructor(
    readonly socket: WebSocketLike,
    url: string,
  ) {
    let cause = "";
    socket.onerror = (event) => {
      cause = "message" in event ? String(event.message) : "";
    };
    socket.onclose = ({ code }) => {
      const why = cause === "" ? `the socket closed with code ${code}` : cause;
      this.#lost = new ProtocolError("connection_lost", `the policy at ${url} is gone: ${why}`, "connect again", {
        url,
      });
      this.#waiting?.reject(this.#lost);
    };
    socket.onmessage = ({ data }) => {
      if (this.#waiting === undefined) this.#arrived.push(data);
      else this.#waiting.resolve(data);
      this.#waiting = undefined;
    };
  }

  ask(message: Uint8Array<ArrayBuffer>): Promise<unknown> {
    const reply = this.#turn.then(() => {
      if (this.#lost === undefined) this.socket.send(message);
      return this.next();
    });
    this.#turn = reply.catch(() => undefined);
    return reply;
  }

  next(): Promise<unknown> {
    if (this.#arrived.length > 0) return Promise.resolve(this.#arrived.shift());
    if (this.#lost !== undefined) return Promise.reject(this.#lost);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  close(): void {
    this.#lost ??= new ProtocolError("connection_lost", "the connection to the policy was closed", "connect again");
    this.#waiting?.reject(this.#lost);
    drop(this.socket);
    this.socket.close();
  }
}

function binary(data: unknown): Uint8Array {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  throw failed(String(data));
}

function record(value: PolicyValue): PolicyRecord {
  if (typeof value === "object" && value !== null && !Array.isArray(value) && !("shape" in value))
    return value as PolicyRecord;
  throw new ProtocolError(
    "policy_malformed",
    "the policy server did not send a map",
    "check its dialect and its version",
  );
}

function failed(traceback: string): ProtocolError {
  const last = traceback.trim().split("\n").at(-1);
  return new ProtocolError("policy_failed", `the policy failed: ${last}`, "see facts.traceback", { traceback });
}
