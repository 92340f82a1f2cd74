// A connection to a worldstep server, and all that can be done over it.
import {
  type ForkOptions,
  type HelloMessage,
  msgpackCodec,
  OptionError,
  ProtocolError,
  protobufCodec,
  type ResumedMessage,
  type WorldInfo,
} from "@worldstep/protocols";
import type { Observable } from "rxjs";
import { WebSocket as DefaultWebSocket, tokenOfEnvironment } from "#websocket";
import { ObservedEnv, type StreamEnv } from "../env/streams.js";
import { openVector, type VectorEnv, type VectorEnvOptions } from "../env/vector-env.js";
import { within } from "./deadline.js";
import { Link, type Reply, type Request } from "./link.js";
import { RemoteEnv, type SessionKey } from "./remote-env.js";
import type { WebSocketConstructor } from "./socket.js";
import { withToken } from "./token.js";
import { type WatchedTick, type WatchOptions, watch } from "./watch.js";

export interface ConnectOptions {
  /** How headers of messages are encoded; default `msgpack`. Both give the same results. */
  readonly codec?: "msgpack" | "protobuf";
  /** Default: the one of `ws` in Node, and of the browser elsewhere. */
  readonly WebSocket?: WebSocketConstructor;
  /** The server's token, where it has one; default in Node the environment's WORLDSTEP_TOKEN. */
  readonly token?: string;
  /** Time for the connection to open, and for each call, reconnects included; default 60,000. */
  readonly timeoutMs?: number;
  /** For how long a lost connection is tried again; 0 for not at all; default as long as the server keeps sessions. */
  readonly reconnectMs?: number;
}

/**
 * An env on a server. `session` and `token` let other connections watch it, or take it over; they are others after a reset
 * that had to open a new session.
 */
export interface RemoteStreamEnv extends StreamEnv, SessionKey {
  /** In a session of its own, on the same connection. */
  fork(options?: ForkOptions): Promise<RemoteStreamEnv>;
  /** Milliseconds that the env itself took for the last reset or step, as the server measured it. */
  readonly serverMs: number;
  /** The last tick that is known to be made; undefined before a reset, and where the reply to one was lost. */
  readonly tick: number | undefined;
}

const CODECS = { msgpack: msgpackCodec, protobuf: protobufCodec } as const;

/**
 * Connects to a server, for example `ws://localhost:8080`. Throws `ProtocolError` (`connection_refused`) and
 * `OptionError` (`option_codec`, `option_token`).
 *
 * When the socket is lost, the connection opens another, resumes its sessions and sends again what had no reply; the
 * server runs no tick twice. Calls wait meanwhile. They reject with `connection_lost` when that can't be done. When the
 * server has given a session up (it was idle, or the server was restarted), a step rejects with `session_idle` or
 * `session_unknown`, and `reset` begins in a new session.
 */
export async function connect(url: string, options: ConnectOptions = {}): Promise<Connection> {
  const { codec = "msgpack", WebSocket: Plain = DefaultWebSocket, timeoutMs = 60_000, ...others } = options;
  const { token = tokenOfEnvironment(), ...rest } = others;
  const WebSocket = token === undefined ? Plain : withToken(Plain, token);
  if (!Object.hasOwn(CODECS, codec)) {
    throw new OptionError("option_codec", `no codec "${codec}"`, `use ${Object.keys(CODECS).join(" or ")}`);
  }
  return new Connection(await Link.open({ url, codec: CODECS[codec], WebSocket, timeoutMs, ...rest }), timeoutMs);
}

/** Made by `connect`. */
export class Connection {
  readonly #link: Link;
  readonly #timeoutMs: number;

  constructor(link: Link, timeoutMs: number) {
    this.#link = link;
    this.#timeoutMs = timeoutMs;
  }

  /** What the server said of itself: its worlds, limits and determinism. */
  get hello(): HelloMessage {
    return this.#link.hello;
  }

  get worlds(): readonly WorldInfo[] {
    return this.hello.worlds;
  }

  /** A new session of a world, default the server's first. Throws `request_unknown_world`, `capacity_sessions`. */
  async open(world?: string): Promise<RemoteStreamEnv> {
    return new RemoteStream(await this.#open(world));
  }

  /** `size` new sessions of a world, stepped together. If one can't be opened, none stays open. */
  async vector(world: string | undefined, size: number, options: VectorEnvOptions = {}): Promise<VectorEnv> {
    return openVector(() => this.#open(world), size, options);
  }

  /** Takes over a session that is known by its key, at its last committed tick. Throws `session_unknown`. */
  async resume({ session, token }: SessionKey): Promise<RemoteStreamEnv> {
    const resumed = await this.#request({ type: "resume", session, token, tensors: {} });
    return new RemoteStream(this.#env(resumed.world, { session, token }, resumed));
  }

  /** The ticks of a session, whoever steps it. */
  watch(key: SessionKey, options?: WatchOptions): Observable<WatchedTick> {
    return watch(this.#link, key, options);
  }

  /** Closes the sessions that were opened or resumed here, and then the socket. */
  close(): Promise<void> {
    return this.#link.close();
  }

  async #open(world = this.worlds[0]?.id ?? ""): Promise<RemoteEnv> {
    return this.#env(world, await this.#request({ type: "open", world, tensors: {} }));
  }

  #env(world: string, key: SessionKey, resumed?: ResumedMessage): RemoteEnv {
    const spec = this.worlds.find(({ id }) => id === world);
    if (spec === undefined)
      throw new ProtocolError("request_unknown_world", `no world "${world}"`, "see connection.worlds");
    return new RemoteEnv(spec, key, this.#link, this.#timeoutMs, resumed);
  }

  #request<R extends Request>(request: R): Promise<Reply<R>> {
    return within(this.#timeoutMs, request.type, (signal) =>
      this.#link.retried(signal, () => this.#link.request(request, signal)),
    );
  }
}

class RemoteStream extends ObservedEnv<RemoteEnv> implements RemoteStreamEnv {
  override fork(options?: ForkOptions): Promise<RemoteStreamEnv> {
    return super.fork(options) as Promise<RemoteStream>;
  }

  protected override around(env: RemoteEnv): RemoteStream {
    return new RemoteStream(env);
  }

  get session(): string {
    return this.env.session;
  }

  get token(): string {
    return this.env.token;
  }

  get serverMs(): number {
    return this.env.serverMs;
  }

  get tick(): number | undefined {
    return this.env.tick;
  }
}
