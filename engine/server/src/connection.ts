// One WebSocket: decodes what comes, does what it asks, sends the reply. The one place where errors are caught: each
// becomes an `error` message, and only a message that can't be decoded closes the socket. What goes wrong beyond that
// costs this connection alone (`guarded`).
import {
  CLOSE_CODES,
  type ClientMessage,
  type Codec,
  type CreditMessage,
  decodeClientMessage,
  encodeMessage,
  errorToWire,
  INTERNAL,
  type Limits,
  MessageError,
  observationTensors,
  ProtocolError,
  type ServerMessage,
  type SubscribeMessage,
  type WorldError,
} from "@worldstep/protocols";
import type { Logger } from "pino";
import type { WebSocket } from "ws";
import type { Budget, Holder } from "./budget.js";
import type { Metrics } from "./metrics.js";
import type { PacedSocket } from "./paced-socket.js";
import type { Owner, Session } from "./session.js";
import type { SessionTable } from "./session-table.js";
import { type Sink, Stream } from "./stream.js";
import type { Party, Turns } from "./turns.js";

/** Unsent bytes above which a socket is congested: its streams pause, and no more requests are read from it. */
const CONGESTED_BYTES = 4 * 2 ** 20;
/** Bytes a second that a client takes at least: so long a pong is waited for that is behind others still to be sent. */
const SLOWEST = 100_000;
const CLOSE_TRY_LATER = 1013;
/** What a client's ping or pong has around its data. */
const FRAME_BYTES = 6;
/** Ids of sessions and tokens are shorter: a longer one isn't sent back. */
const LONGEST_ID = 64;

/** What all connections of a server share. */
export interface Shared {
  readonly table: SessionTable;
  readonly limits: Limits;
  readonly budget: Budget;
  readonly turns: Turns;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

export class Connection implements Owner, Holder, Party {
  private readonly openIds = new Set<number>();
  private readonly sessions = new Set<Session>();
  private readonly streams = new Map<number, { readonly stream: Stream; readonly session: Session }>();
  private lastStream = 0;
  /** Streams of which a tick may be sent, in the order of their turns. */
  private readonly ready = new Set<number>();
  /** Sessions that are being opened. */
  private opening = 0;
  /** Bytes of the requests that have no reply yet. */
  private queuedBytes = 0;
  /** Pings since anything was heard; what was received by then; and the bytes that waited before the first of them. */
  private unheard = 0;
  private received = 0;
  private owed = 0;
  private readonly keepAlive: NodeJS.Timeout;
  /** When it was last asked for something. */
  lastAsked = performance.now();

  private readonly table: SessionTable;
  private readonly limits: Limits;
  private readonly metrics: Metrics;
  private readonly logger: Logger;

  constructor(
    private readonly socket: WebSocket,
    private readonly paced: PacedSocket,
    private readonly codec: Codec,
    private readonly shared: Shared,
  ) {
    ({ table: this.table, limits: this.limits, metrics: this.metrics, logger: this.logger } = shared);
    const guarded =
      <Args extends unknown[]>(work: (...args: Args) => void) =>
      (...args: Args) =>
        this.guarded(() => work(...args));
    this.keepAlive = setInterval(
      guarded(() => this.checkAlive()),
      this.limits.keepAliveSeconds * 1000,
    );
    socket.on(
      "message",
      guarded((data: Buffer, isBinary: boolean) => this.receive(data, isBinary)),
    );
    socket.on(
      "ping",
      guarded((data: Buffer) => this.answerPing(data)),
    );
    socket.on("pong", (data: Buffer) => paced.cameWhole(data.length + FRAME_BYTES));
    socket.on("error", (err) => this.logger.debug({ err }, "socket error")); // `close` follows
    socket.on(
      "close",
      guarded(() => this.lost()),
    );
    shared.budget.add(this);
  }

  /** Whether no session is lost if it ends, and nobody waits for a reply. It may watch sessions of others. */
  get isSpare(): boolean {
    return this.sessions.size + this.openIds.size === 0;
  }

  get watches(): boolean {
    return this.streams.size > 0;
  }

  get held(): number {
    return this.paced.unfinished + this.queuedBytes + this.socket.bufferedAmount;
  }

  cut(why: string, kind = "held"): void {
    this.metrics.refusals.inc({ kind });
    this.logger.warn({ why }, "a connection was cut");
    this.socket.terminate();
  }

  /** Closes it for another that has need of the place. */
  makeRoom(): void {
    this.metrics.refusals.inc({ kind: "full" });
    this.socket.close(CLOSE_TRY_LATER, "no room, and no session was open");
    this.socket.terminate();
  }

  /** Sends `message`. Throws where it can't be encoded, which is a fault of the env that made it. */
  send(message: ServerMessage): void {
    if (this.socket.readyState === this.socket.OPEN) this.sendBytes(this.encode(message));
  }

  /** Sends an encoded message, however long; but what waits before it has a bound. */
  sendBytes(bytes: Uint8Array): void {
    const before = this.socket.bufferedAmount;
    if (before > this.limits.maxUnsentBytes) {
      this.cut(`${before} bytes waited for it to read`, "unread");
      return;
    }
    this.metrics.bytes.inc({ direction: "out" }, bytes.length);
    this.socket.send(bytes, { binary: true }, () => this.guarded(() => this.sent()));
    this.shared.budget.move(bytes.length);
    if (this.congested()) this.socket.pause();
  }

  /** A client that floods with pings and reads no pong is not read either. */
  private answerPing(data: Buffer): void {
    this.paced.cameWhole(data.length + FRAME_BYTES);
    this.socket.pong(data, false, () => this.guarded(() => this.sent()));
    if (this.congested()) this.socket.pause();
  }

  /** Does `work`. Where that fails in a way that nobody foresaw, this connection ends, and no other. */
  private guarded(work: () => void): void {
    try {
      work();
    } catch (err) {
      this.metrics.refusals.inc({ kind: "failed" });
      this.logger.error({ err }, "a connection failed");
      this.socket.terminate();
    }
  }

  private encode(message: ServerMessage): Uint8Array {
    try {
      return encodeMessage(this.codec, message);
    } catch (cause) {
      // Not the client's fault, though the code would say so: an env gave a reward or info that doesn't travel.
      throw new Error(`can't send "${message.type}"`, { cause });
    }
  }

  deprived(session: Session, error: WorldError): void {
    this.guarded(() => {
      this.sessions.delete(session);
      this.sendError(error, undefined, session.id);
    });
  }

  private receive(data: Buffer, isBinary: boolean): void {
    if (this.socket.readyState !== this.socket.OPEN) return; // what came behind the message that closed it
    this.paced.cameWhole();
    this.metrics.bytes.inc({ direction: "in" }, data.length);
    try {
      if (!isBinary) {
        throw new ProtocolError("message_text", "a text message", "send binary messages as docs/protocol.md says");
      }
      this.begin(decodeClientMessage(this.codec, data, this.limits.maxHeaderBytes), data.length);
    } catch (error) {
      this.sendError(error, error instanceof MessageError ? error.requestId : undefined);
      const closeCode = error instanceof ProtocolError ? CLOSE_CODES[error.code] : undefined;
      if (closeCode) this.socket.close(closeCode);
    }
  }

  private begin(message: ClientMessage, bytes: number): void {
    if (message.type === "credit") {
      this.grant(message);
      return;
    }
    if (this.openIds.has(message.id)) {
      throw new ProtocolError("request_id_in_use", `request ${message.id} is still open`, "count ids up", {
        id: message.id,
      });
    }
    const { maxQueuedBytes } = this.limits;
    if (this.queuedBytes > 0 && this.queuedBytes + bytes > maxQueuedBytes) {
      const summary = `this connection has ${this.queuedBytes} bytes of open requests, and this one has ${bytes}`;
      const error = new ProtocolError("request_over_limit", summary, "wait for replies", { bytes, maxQueuedBytes });
      this.sendError(error, message.id, sessionOf(message));
      return;
    }
    this.lastAsked = performance.now();
    this.openIds.add(message.id);
    this.queuedBytes += bytes;
    void this.answer(message).finally(() => {
      this.queuedBytes -= bytes;
    });
  }

  /** Never rejects. */
  private async answer(request: Exclude<ClientMessage, CreditMessage>): Promise<void> {
    try {
      const reply = await this.reply(request);
      this.openIds.delete(request.id);
      this.send({ ...reply, id: request.id } as ServerMessage);
    } catch (error) {
      this.openIds.delete(request.id);
      this.guarded(() => this.sendError(error, request.id, sessionOf(request)));
    }
  }

  /** What `request` asks for, done; the reply still without its id. */
  private async reply(request: Exclude<ClientMessage, CreditMessage>): Promise<Reply> {
    const tensors = {};
    switch (request.type) {
      case "open": {
        const { id: session, token } = await this.opened(() => this.table.open(request.world));
        return { type: "opened", session, token, tensors };
      }
      case "fork": {
        const parent = this.owned(request.session);
        const { id: session, token, tick, ended } = await this.opened(() => this.table.fork(parent, this, request));
        return { type: "forked", session, token, tick: tick as number, ended, tensors };
      }
      case "resume": {
        const session = this.table.unlock(request.session, request.token);
        if (!session.isOwnedBy(this)) this.checkRoom();
        await this.adopt(session);
        const { id, world, tick, ended } = session;
        return { type: "resumed", session: id, world, ...(tick === undefined ? {} : { tick }), ended, tensors };
      }
      case "reset":
        return this.owned(request.session).reset(this, request);
      case "step":
      case "stepChunk":
        return this.owned(request.session).step(this, request);
      case "snapshot":
        return this.owned(request.session).snapshot(this, request);
      case "restore":
        return this.owned(request.session).restore(this, request);
      case "predict":
        return this.owned(request.session).predict(this, request);
      case "plan":
        return this.owned(request.session).plan(this, request);
      case "close": {
        const session = this.owned(request.session);
        this.sessions.delete(session);
        await this.table.close(session);
        return { type: "closed", session: session.id, tensors };
      }
      case "cancel": {
        const { target } = request;
        const removed = [...this.sessions].some((session) => session.cancel(this, target));
        return { type: "cancelled", target, removed, tensors };
      }
      case "ping":
        return { type: "pong", tensors };
      case "subscribe":
        return this.subscribe(request);
      case "unsubscribe":
        this.unsubscribe(request.stream);
        return { type: "unsubscribed", stream: request.stream, tensors };
      default:
        return request satisfies never;
    }
  }

  /** A new session of this connection. */
  private async opened(open: () => Promise<Session>): Promise<Session> {
    this.checkRoom();
    this.opening += 1;
    try {
      const session = await open();
      if (this.socket.readyState !== this.socket.OPEN)
        await this.table.close(session); // nobody knows its token
      else await this.adopt(session);
      return session;
    } finally {
      this.opening -= 1;
    }
  }

  private checkRoom(): void {
    const { maxSessionsPerConnection } = this.limits;
    if (this.sessions.size + this.opening < maxSessionsPerConnection) return;
    const summary = `this connection has ${maxSessionsPerConnection} sessions, its limit`;
    const remedy = "close one, use another connection, or serve with a greater --max-sessions-per-connection";
    throw new ProtocolError("session_over_limit", summary, remedy, { maxSessionsPerConnection });
  }

  private async adopt(session: Session): Promise<void> {
    this.sessions.add(session);
    await session.own(this);
  }

  private owned(id: string): Session {
    const session = this.table.find(id);
    if (session.isOwnedBy(this)) return session;
    throw new ProtocolError(
      "session_not_owned",
      `session ${id} does not belong to this connection`,
      "resume it with its token",
      { session: id },
    );
  }

  private subscribe({ session: id, token, policy, credit, every = 1 }: SubscribeMessage): Reply {
    const session = this.table.unlock(id, token);
    const { maxStreams } = this.limits;
    if (every < 1) {
      throw new ProtocolError("message_field_invalid", "field every is 0", "send at least 1", {
        field: "every",
        expected: "at least 1",
      });
    }
    if (this.streams.size >= maxStreams) {
      throw new ProtocolError(
        "stream_over_limit",
        `this connection already has ${maxStreams} streams`,
        "unsubscribe from one",
        { maxStreams },
      );
    }
    this.lastStream += 1;
    const number = this.lastStream;
    const stream = new Stream({ policy, credit, every }, this.sink(number));
    this.streams.set(number, { stream, session });
    session.watch(stream);
    return { type: "subscribed", session: id, stream: number, tensors: {} };
  }

  private sink(stream: number): Sink {
    return {
      wake: () => {
        if (this.ready.size === 0) this.shared.turns.add(this);
        this.ready.add(stream);
      },
      send: ({ observation, ...tick }, dropped) =>
        this.guarded(() => {
          try {
            this.send({ type: "frame", stream, ...tick, dropped, tensors: observationTensors(observation) });
          } catch (error) {
            this.sendError(error); // this watcher's, not that of the session's owner
          }
        }),
      congested: () => this.congested(),
      end: () =>
        this.guarded(() => {
          this.streams.delete(stream);
          this.send({ type: "streamEnded", stream, tensors: {} });
        }),
    };
  }

  /** A frame is as much as many requests: whoever watches waits until these are read. */
  readonly isBrief = false;

  /** Sends one frame of one stream; says whether there is another to send. */
  serve(): boolean {
    const [number] = this.ready;
    if (number === undefined) return false;
    this.guarded(() => {
      const watched = this.streams.get(number);
      watched?.stream.sendNext();
      watched?.session.pump();
      this.ready.delete(number);
      if (watched?.stream.isReady) this.ready.add(number); // behind the others
    });
    return this.ready.size > 0;
  }

  private grant({ stream, credit }: CreditMessage): void {
    this.checkStream(stream);
    const watched = this.streams.get(stream);
    watched?.session.grant(watched.stream, credit);
  }

  private unsubscribe(stream: number): void {
    this.checkStream(stream);
    const watched = this.streams.get(stream);
    this.streams.delete(stream);
    watched?.session.unwatch(watched.stream);
  }

  /** A stream that has ended is not an error: the client may not know yet. */
  private checkStream(stream: number): void {
    if (stream >= 1 && stream <= this.lastStream) return;
    throw new ProtocolError("stream_unknown", `this connection never had a stream ${stream}`, "subscribe", { stream });
  }

  private sendError(error: unknown, id?: number, session?: string): void {
    const wire = errorToWire(error);
    const isLong = session !== undefined && session.length > LONGEST_ID;
    const about = { ...(id !== undefined && { id }), ...(session !== undefined && !isLong && { session }) };
    this.metrics.errors.inc({ code: wire.code });
    if (wire.code === "internal") this.logger.error({ err: error, ...about }, "a request failed");
    else this.logger.debug({ code: wire.code, ...about }, "a request was refused");
    try {
      this.send({ type: "error", ...about, ...wire, tensors: {} });
    } catch (err) {
      this.logger.error({ err, ...about }, "an error could not be sent");
      this.send({ type: "error", ...(id !== undefined && { id }), ...INTERNAL, tensors: {} });
    }
  }

  congested(): boolean {
    return this.socket.bufferedAmount > CONGESTED_BYTES;
  }

  private sent(): void {
    if (this.congested()) return;
    if (this.socket.isPaused) this.socket.resume();
    for (const { stream } of this.streams.values()) if (stream.isReady) stream.sink.wake();
    for (const session of this.sessions) session.pump();
  }

  /** Bytes are a sign of life, be they of a pong, of a part of a message, or here already and waiting for their turn. */
  private checkAlive(): void {
    const { received, hasWaiting } = this.paced;
    if (hasWaiting || received !== this.received) this.unheard = 0;
    this.received = received;
    if (this.unheard === 0) {
      this.owed = this.socket.bufferedAmount;
    } else if ((this.unheard - 1) * this.limits.keepAliveSeconds >= this.owed / SLOWEST) {
      this.cut("it stopped answering", "silent");
      return;
    }
    this.unheard++;
    this.socket.ping();
  }

  private lost(): void {
    clearInterval(this.keepAlive);
    this.shared.budget.delete(this);
    for (const { stream, session } of this.streams.values()) session.unwatch(stream);
    for (const session of this.sessions) session.release(this);
    this.streams.clear();
    this.sessions.clear();
    this.ready.clear();
  }
}

function sessionOf(request: ClientMessage): string | undefined {
  return "session" in request ? request.session : undefined;
}

type WithoutId<M> = M extends { readonly id: number } ? Omit<M, "id"> : never;
/** A reply before it gets the id of its request. */
type Reply = WithoutId<ServerMessage>;
