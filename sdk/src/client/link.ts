// A connection to a server that outlives its sockets: requests and their replies by id, streams, liveness, and a new
// socket when the old one is lost. It knows nothing of sessions; they attach themselves to each new socket.
import {
  CLOSE_CODES,
  type ClientMessage,
  type Codec,
  decodeMessage,
  type ErrorMessage,
  encodeMessage,
  errorFromWire,
  type FrameMessage,
  type HelloMessage,
  ProtocolError,
  type Replies,
  type ServerMessage,
  WorldError,
} from "@worldstep/protocols";
import { backoffMs } from "./backoff.js";
import { type Dialled, dial, drop, isOpen, toBytes, type WebSocketConstructor, type WebSocketLike } from "./socket.js";

/** Distributes over the union, as `Omit` alone doesn't. */
type WithoutId<M> = M extends { readonly id: number } ? Omit<M, "id"> : never;
export type Request = WithoutId<ClientMessage>;

export type Reply<R extends Request> = Replies[R["type"]];

/** Where the frames of one subscription go. */
export interface StreamSink {
  frame(message: FrameMessage): void;
  ended(): void;
  lost(error: WorldError): void;
}

/** A session on this link. */
export interface Attachment {
  readonly session: string;
  /** There is a new socket: resume the session, before any other request. */
  attach(): void;
  /** The server says that the session is no longer ours. */
  detach(error: WorldError): void;
  close(): Promise<void>;
}

export interface LinkOptions {
  readonly url: string;
  readonly codec: Codec;
  readonly WebSocket: WebSocketConstructor;
  /** Time for a socket to open and say hello. */
  readonly timeoutMs: number;
  /** How long to try again after a socket was lost; 0 for not at all; default as long as the server keeps sessions. */
  readonly reconnectMs?: number;
}

interface Pending {
  readonly sink: StreamSink | undefined;
  resolve(message: ServerMessage): void;
  reject(error: unknown): void;
}

// The server closed because of what we sent. To send it again on a new socket would only repeat that.
const OUR_FAULT: ReadonlySet<number> = new Set(Object.values(CLOSE_CODES));

// They wait for no room: the one shows life, the other makes room.
const AT_ONCE: ReadonlySet<string> = new Set(["ping", "cancel"]);

// They may wait for others of their session, or take long.
const STOPPABLE: ReadonlySet<string> = new Set([
  "step",
  "stepChunk",
  "reset",
  "fork",
  "snapshot",
  "restore",
  "predict",
  "plan",
]);

/** Bytes per second. Until so slow a network has carried what was sent, the server's silence says nothing. */
const SLOWEST = 100_000;

const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class Link {
  readonly attachments = new Set<Attachment>();
  readonly #options: LinkOptions;
  readonly #pending = new Map<number, Pending>();
  /** The bytes of each request that the server has not answered, those included that were given up here. */
  readonly #open = new Map<number, number>();
  /** Requests that wait for room among those. */
  readonly #waiting: { resolve(): void; reject(error: unknown): void }[] = [];
  readonly #streams = new Map<number, StreamSink>();
  readonly #closing = new AbortController();
  #hello: HelloMessage;
  #socket: WebSocketLike | undefined;
  #ready: Promise<void> = Promise.resolve();
  #dead: WorldError | undefined;
  /** The last message, where it was an error that answers no request: why the server may be about to close. */
  #lastWords: WorldError | undefined;
  #nextId = 1;
  #generation = 0;
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  #heard = true;
  /** Bytes sent on the present socket, and how many of them the server is known to have. */
  #sent = 0;
  #arrived = 0;
  /** At the last beat: bytes not yet sent, bytes received, and for how many beats the server had been silent. */
  #before = { unsent: 0, received: 0, silent: 0 };

  /** Throws `ProtocolError` (`connection_refused`). */
  static async open(options: LinkOptions): Promise<Link> {
    return new Link(options, await dial(options.url, options.codec, options.WebSocket, options.timeoutMs));
  }

  private constructor(options: LinkOptions, dialled: Dialled) {
    this.#options = options;
    this.#hello = dialled.hello;
    this.#use(dialled);
  }

  /** The hello of the present server, or of the last. */
  get hello(): HelloMessage {
    return this.#hello;
  }

  /** Counts sockets: another number is another socket. */
  get generation(): number {
    return this.#generation;
  }

  /** Whether there is a socket, or there will be one again. */
  get alive(): boolean {
    return this.#dead === undefined;
  }

  /** Resolves when there is a socket. Rejects with `connection_lost` when there will be none any more. */
  async ready(): Promise<void> {
    while (this.#socket === undefined) {
      if (this.#dead) throw this.#dead;
      await this.#ready;
    }
  }

  /**
   * The reply to `request`, on the present socket. It waits where the server would have too many bytes to hold. Rejects with
   * the server's error, with `connection_lost` if the socket goes before the reply, with `message_too_big`, or with the
   * reason of `signal`. Of a `subscribe`, `sink` gets the frames.
   */
  async request<R extends Request>(request: R, signal?: AbortSignal, sink?: StreamSink): Promise<Reply<R>> {
    const id = this.#nextId++;
    const bytes = this.#encoded({ ...request, id } as ClientMessage);
    while (!AT_ONCE.has(request.type) && !this.#hasRoom(bytes.length)) {
      await new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    }
    signal?.throwIfAborted();
    this.#send(bytes);
    this.#open.set(id, bytes.length);
    let givenUp = () => {};
    const reply = new Promise<ServerMessage>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, sink });
      givenUp = () => {
        if (!this.#pending.delete(id)) return;
        reject(signal?.reason);
        const stoppable = STOPPABLE.has(request.type);
        if (stoppable && this.#socket) this.request({ type: "cancel", target: id, tensors: {} }).catch(() => undefined);
      };
    });
    signal?.addEventListener("abort", givenUp);
    try {
      return (await reply) as Reply<R>;
    } finally {
      signal?.removeEventListener("abort", givenUp);
    }
  }

  /** The result of `run`, which is run again on the next socket if the present one is lost meanwhile. */
  async retried<T>(signal: AbortSignal, run: () => Promise<T>): Promise<T> {
    for (;;) {
      await this.ready();
      signal.throwIfAborted();
      try {
        return await run();
      } catch (error) {
        if (!(error instanceof SocketLost)) throw error;
      }
    }
  }

  /** Grants a stream more frames. Does nothing if its socket is gone, for then the stream is too. */
  grant(stream: number, sink: StreamSink, credit: number): void {
    if (this.#streams.get(stream) !== sink) return;
    this.#send(this.#encoded({ type: "credit", stream, credit, tensors: {} }));
  }

  /** Ends a subscription. */
  async forget(stream: number, sink: StreamSink): Promise<void> {
    if (this.#streams.get(stream) !== sink) return;
    this.#streams.delete(stream);
    await this.request({ type: "unsubscribe", stream, tensors: {} });
  }

  /** Closes the attachments, and then the socket, also where one of them rejects: then so does this. */
  async close(): Promise<void> {
    const closed = Promise.allSettled([...this.attachments].map((attachment) => attachment.close()));
    // Without a socket there is nobody to tell.
    if (this.#socket !== undefined) await closed;
    this.#end(new ProtocolError("connection_lost", "the connection was closed by close()", "connect again"));
    const failed = (await closed).find((outcome) => outcome.status === "rejected");
    if (failed) throw failed.reason;
  }

  #use({ socket, hello }: Dialled): void {
    this.#socket = socket;
    this.#hello = hello;
    this.#generation += 1;
    this.#heard = true;
    this.#sent = 0;
    this.#arrived = 0;
    this.#before = { unsent: 0, received: 0, silent: 0 };
    this.#lastWords = undefined;
    socket.onmessage = ({ data }) => this.#receive(socket, data);
    socket.onclose = ({ code }) => this.#lost(socket, `the socket closed with code ${code}`, code);
    this.#heartbeat = setInterval(
      () => this.#beat(socket),
      Math.min(hello.limits.keepAliveSeconds * 1000, LONGEST_TIMER_MS),
    );
    for (const attachment of this.attachments) attachment.attach();
    // It may have closed while nobody listened.
    if (!isOpen(socket)) this.#lost(socket, "the socket closed at once", 1006);
  }

  #hasRoom(bytes: number): boolean {
    const open = [...this.#open.values()].reduce((sum, own) => sum + own, 0);
    return open === 0 || open + bytes <= this.#hello.limits.maxQueuedBytes;
  }

  #send(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#socket === undefined) throw this.#gone();
    this.#sent += bytes.length;
    this.#socket.send(bytes);
  }

  #gone(): WorldError {
    return this.#dead ?? new SocketLost("there is no socket");
  }

  #encoded(message: ClientMessage): Uint8Array<ArrayBuffer> {
    if (this.#socket === undefined) throw this.#gone();
    const bytes = encodeMessage(this.#options.codec, message);
    const { maxMessageBytes, maxHeaderBytes } = this.#hello.limits;
    if (bytes.length > maxMessageBytes) {
      throw new ProtocolError(
        "message_too_big",
        `a ${message.type} of ${bytes.length} bytes; the server takes ${maxMessageBytes}`,
        "send less, or raise the server's limit",
        { bytes: bytes.length, maxMessageBytes },
      );
    }
    const header = new DataView(bytes.buffer).getUint32(0, true);
    if (header > maxHeaderBytes) {
      const summary = `a ${message.type} with a header of ${header} bytes; the server takes ${maxHeaderBytes}`;
      throw new ProtocolError("message_too_big", summary, "use shorter names", { bytes: header, maxHeaderBytes });
    }
    return bytes;
  }

  #receive(socket: WebSocketLike, data: unknown): void {
    this.#heard = true;
    this.#lastWords = undefined;
    try {
      this.#dispatch(decodeMessage(this.#options.codec, toBytes(data)) as ServerMessage);
    } catch (error) {
      if (!(error instanceof WorldError)) throw error;
      // Nothing that follows on this socket can be trusted.
      this.#end(new SocketLost("the server broke the protocol", {}, error));
      socket.close();
    }
  }

  #dispatch(message: ServerMessage): void {
    switch (message.type) {
      case "frame":
        this.#streams.get(message.stream)?.frame(message);
        return;
      case "streamEnded": {
        const sink = this.#streams.get(message.stream);
        this.#streams.delete(message.stream);
        sink?.ended();
        return;
      }
      case "hello":
        return;
      case "error":
        if (message.id === undefined) this.#complaint(message);
        else this.#take(message.id)?.reject(errorFromWire(message));
        return;
      default: {
        // Not there: the request was given up meanwhile.
        const pending = this.#take(message.id);
        if (message.type === "subscribed" && pending?.sink) this.#streams.set(message.stream, pending.sink);
        pending?.resolve(message);
      }
    }
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    this.#open.delete(id);
    for (const { resolve } of this.#waiting.splice(0)) resolve();
    return pending;
  }

  // An error that answers no request: about a session, or about the connection: then perhaps the last before it is closed.
  #complaint(message: ErrorMessage): void {
    const error = errorFromWire(message);
    if (message.session === undefined) this.#lastWords = error;
    for (const attachment of this.attachments) {
      if (attachment.session === message.session) attachment.detach(error);
    }
  }

  // Browsers don't show the server's pings, so a silent socket is asked; if it stays silent it is as good as closed. Large
  // messages take their time on a slow network: what still goes out, or comes in, is no silence.
  #beat(socket: WebSocketLike): void {
    const { bufferedAmount: unsent, received = 0 } = socket;
    const { limits } = this.#hello;
    const isAlive = this.#heard || received > this.#before.received || unsent < this.#before.unsent;
    const silent = isAlive ? 0 : this.#before.silent + 1;
    this.#before = { unsent, received, silent };
    this.#heard = false;
    if (isAlive) {
      const sent = this.#sent;
      const answered = () => {
        if (socket === this.#socket) this.#arrived = sent;
      };
      this.request({ type: "ping", tensors: {} }).then(answered, () => undefined);
    } else if (silent > Math.round((this.#sent - this.#arrived) / SLOWEST / limits.keepAliveSeconds)) {
      this.#lost(socket, "the server went silent", 1006);
    }
  }

  #lost(socket: WebSocketLike, why: string, closeCode: number): void {
    if (socket !== this.#socket) return;
    const error = new SocketLost(why, { closeCode }, this.#lastWords);
    const { reconnectMs = this.#hello.limits.sessionIdleSeconds * 1000 } = this.#options;
    this.#letGo(error);
    if (OUR_FAULT.has(closeCode) || reconnectMs === 0) this.#end(error);
    else this.#ready = this.#reconnect(error, reconnectMs);
  }

  async #reconnect(error: WorldError, reconnectMs: number): Promise<void> {
    const { url, codec, WebSocket, timeoutMs } = this.#options;
    const giveUpAt = Date.now() + reconnectMs;
    for (let attempt = 0; this.#dead === undefined; attempt++) {
      await new Promise((resolve) => setTimeout(resolve, backoffMs(attempt)));
      const dialled = await dial(url, codec, WebSocket, timeoutMs, this.#closing.signal).catch(() => undefined);
      if (dialled && this.#dead) {
        dialled.socket.close();
      } else if (dialled) {
        this.#use(dialled);
        return;
      } else if (Date.now() >= giveUpAt) {
        this.#end(error);
      }
    }
  }

  // All that belongs to the present socket ends with it.
  #letGo(error: WorldError): void {
    const socket = this.#socket;
    this.#socket = undefined;
    clearInterval(this.#heartbeat);
    if (socket) {
      drop(socket);
      socket.close();
    }
    const requests = [...this.#pending.values(), ...this.#waiting.splice(0)];
    const streams = [...this.#streams.values()];
    this.#pending.clear();
    this.#open.clear();
    this.#streams.clear();
    for (const { reject } of requests) reject(error);
    for (const sink of streams) sink.lost(error);
  }

  #end(error: WorldError): void {
    this.#dead ??= error;
    this.#closing.abort();
    this.#letGo(this.#dead);
  }
}

/** The socket went before the reply: nobody knows whether the request was run. */
export class SocketLost extends ProtocolError {
  constructor(why: string, facts: { readonly closeCode?: number } = {}, cause?: WorldError) {
    const because = cause === undefined ? why : `${why}: ${cause.summary}`;
    const remedy = "check that the server runs, and connect again";
    super("connection_lost", `the connection was lost: ${because}`, remedy, facts, { cause });
  }
}
