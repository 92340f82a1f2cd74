// The server: HTTP for the console page, health and metrics; WebSocket for worldstep.v1 (docs/protocol.md). It hosts
// any Env and knows nothing of models.
//
//   upgrade -> Connection (decode, reply) -> SessionTable (find, admit) -> Session (queue, commit) -> Env
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, STATUS_CODES } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import {
  type Codec,
  codecFor,
  encodeMessage,
  type HelloMessage,
  type Limits,
  msgpackCodec,
  OptionError,
  PROTOCOL,
  protobufCodec,
} from "@worldstep/protocols";
import type { Logger } from "pino";
import { WebSocketServer } from "ws";
import { Budget } from "./budget.js";
import { Connection, type Shared } from "./connection.js";
import { answerHttp, createListener, Door, HTTP, refuseUpgrade, type Tls } from "./door.js";
import { limitsWith } from "./limits.js";
import { Metrics } from "./metrics.js";
import { PacedSocket } from "./paced-socket.js";
import { RefusalLog } from "./refusal-log.js";
import { type HostedWorld, SessionTable } from "./session-table.js";
import { Turns } from "./turns.js";

export interface ServeOptions {
  readonly worlds: readonly HostedWorld[];
  readonly logger: Logger;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Default 127.0.0.1: this machine only. */
  readonly host?: string;
  readonly limits?: Partial<Limits>;
  /** Folder of the console page. */
  readonly staticDir?: string;
  /** What every WebSocket and /metrics must bring, of `[A-Za-z0-9_-]`; default none: whoever reaches the server may use it. */
  readonly token?: string;
  /** Origins (`https://host:port`, or `*`) whose pages may connect beside the server's own. Other programs send none. */
  readonly allowedOrigins?: readonly string[];
  /** For https and wss. */
  readonly tls?: Tls;
}

export interface RunningServer {
  /** `http://host:port/`, or `https:`: the console; the same with `ws:`, or `wss:`, for clients. */
  readonly url: string;
  readonly port: number;
  /** Refuses new connections, finishes running ticks, closes sockets (1001) and envs; what takes seconds is left. */
  close(): Promise<void>;
}

const CLOSE_GOING_AWAY = 1001;
/** How long the ticks that run may take when the server closes, and then the sockets. */
const TICK_PATIENCE_MS = 1500;
const SOCKET_PATIENCE_MS = 700;
/** TCP connections beside the WebSockets: half-open ones, and those of HTTP. */
const MORE_CONNECTIONS = 4096;
const DETERMINISM = "the same world hash, seed and actions give the same bits on one backend and machine type";

/**
 * Hosts `worlds`; resolves when it listens. Rejects with the error of `listen`, or `OptionError` for bad options:
 * `option_worlds`, `option_limits`, `option_token`, `option_origin`, `option_tls`.
 */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const { worlds, logger, port = 0, host = "127.0.0.1", staticDir, token, allowedOrigins = [], tls } = options;
  const limits = limitsWith(options.limits ?? {});
  checkWorlds(worlds);
  const hello = helloOf(worlds, limits);
  // Encoded once; and a spec that can't be sent is found now, not by the first client.
  const hellos = new Map([msgpackCodec, protobufCodec].map((codec) => [codec, encodeMessage(codec, hello)]));
  const door = new Door({ host, allowedOrigins, ...(token !== undefined && { token }) });
  const turns = new Turns();
  const refusals = new RefusalLog(logger);
  const budget = new Budget(limits.maxHeldBytes);
  const connections = new Set<Connection>();
  const table = new SessionTable(
    worlds,
    limits,
    (world, seconds) => {
      metrics.steps.inc({ world });
      metrics.stepSeconds.observe({ world }, seconds);
    },
    (err) => logger.error({ err }, "a session did not close"),
  );
  const metrics = new Metrics({
    sessions: () => table.size,
    waitingRequests: () => table.waitingRequests,
    waitingTurns: () => turns.waiting,
    heldBytes: () => budget.held,
  });
  const shared: Shared = { table, limits, budget, turns, metrics, logger };

  const http = createServer(HTTP);
  http.timeout = 1000 * limits.keepAliveSeconds; // of a client that takes nothing; WebSockets have their pings instead
  const listener = createListener(tls, (socket) => {
    http.emit("connection", new PacedSocket(socket, turns, (bytes) => budget.move(bytes)));
  });
  listener.maxConnections = limits.maxConnections + MORE_CONNECTIONS;
  http.on("request", (request, response) => {
    (request.socket as Duplex as PacedSocket).cameWhole();
    turns.once(() => {
      answerHttp(request, response, door, metrics, staticDir).catch((err: unknown) => {
        logger.debug({ err }, "an HTTP request failed"); // mostly a browser that went away
        response.destroy();
      });
    });
  });
  const sockets = new WebSocketServer({
    noServer: true,
    autoPong: false, // the connection answers
    perMessageDeflate: false,
    maxPayload: limits.maxMessageBytes,
    handleProtocols: (offered) => [...offered].find((name) => codecFor(name)) ?? false,
  });
  http.on("upgrade", (request: IncomingMessage, duplex: Duplex, head: Buffer) => {
    const socket = duplex as PacedSocket;
    socket.on("error", () => socket.destroy());
    socket.cameWhole();
    turns.once(() => {
      try {
        upgrade(request, socket, head);
      } catch (err) {
        logger.error({ err }, "a connection could not be made");
        socket.destroy();
      }
    });
  });

  await new Promise<void>((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(port, host, () => {
      listener.off("error", reject);
      resolve();
    });
  });
  http.emit("listening"); // from here on Node looks for requests that don't come to an end
  listener.on("error", (err) => logger.error({ err }, "a connection was not accepted"));
  const address = listener.address() as AddressInfo;
  const url = `${tls ? "https" : "http"}://${address.family === "IPv6" ? `[${address.address}]` : address.address}:${address.port}/`;
  logger.info({ url, worlds: worlds.map(({ spec }) => spec.id) }, "serving");

  let closed: Promise<void> | undefined;
  return {
    url,
    port: address.port,
    close: () => {
      closed ??= close();
      return closed;
    },
  };

  function upgrade(request: IncomingMessage, socket: PacedSocket, head: Buffer): void {
    if (socket.destroyed) return;
    const codec = offeredCodec(request);
    const refusal = door.refusal(request);
    const refuse = (kind: string, status: number, why: string) => {
      metrics.refusals.inc({ kind });
      refusals.note(kind, why, request);
      refuseUpgrade(socket, `${status} ${STATUS_CODES[status]}`, why);
    };
    if (refusal) {
      refuse(refusal.kind, refusal.status, refusal.why);
    } else if (!codec) {
      refuse("protocol", 400, "offer the subprotocol worldstep.v1.msgpack or worldstep.v1.protobuf");
    } else if (closed || (connections.size >= limits.maxConnections && !makeRoom())) {
      refuse("full", 503, "too many connections");
    } else {
      sockets.handleUpgrade(request, socket, head, (webSocket) => {
        const connection = new Connection(webSocket, socket, codec, shared);
        connections.add(connection);
        metrics.connections.inc();
        webSocket.on("close", () => {
          connections.delete(connection);
          metrics.connections.dec();
        });
        connection.sendBytes(hellos.get(codec) as Uint8Array);
      });
    }
  }

  /**
   * Closes the connection without a session that asked for nothing for longest, one that watches none before one that
   * does; false where every one has a session.
   */
  function makeRoom(): boolean {
    const withoutSession = [...connections].filter((connection) => connection.isSpare);
    const idle = withoutSession.filter((connection) => !connection.watches);
    const spare = idle.length > 0 ? idle : withoutSession;
    if (spare.length === 0) return false;
    const oldest = spare.reduce((a, b) => (b.lastAsked < a.lastAsked ? b : a));
    connections.delete(oldest);
    oldest.makeRoom();
    return true;
  }

  async function close(): Promise<void> {
    const stopped = new Promise<void>((resolve) => listener.close(() => resolve()));
    http.close(); // stops looking for slow requests
    const ended = await within(TICK_PATIENCE_MS, table.closeAll());
    if (!ended) logger.error("a world did not finish its tick: it is left behind");
    for (const socket of sockets.clients) socket.close(CLOSE_GOING_AWAY, "the server shuts down");
    const impatience = setTimeout(() => {
      for (const socket of sockets.clients) socket.terminate();
      http.closeAllConnections();
    }, SOCKET_PATIENCE_MS);
    http.closeAllConnections();
    await within(SOCKET_PATIENCE_MS + 500, stopped);
    clearTimeout(impatience);
    metrics.close();
  }
}

/** Whether `work` is done in that time. */
async function within(milliseconds: number, work: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

function helloOf(worlds: readonly HostedWorld[], limits: Limits): HelloMessage {
  const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return {
    type: "hello",
    protocol: PROTOCOL,
    server: `worldstep/${(JSON.parse(manifest) as { version: string }).version}`,
    worlds: worlds.map(({ spec, hash }) => ({ ...spec, hash })),
    autoresetModes: ["Disabled"],
    limits,
    determinism: DETERMINISM,
    tensors: {},
  };
}

function checkWorlds(worlds: readonly HostedWorld[]): void {
  const ids = worlds.map(({ spec }) => spec.id);
  if (ids.length === 0 || new Set(ids).size !== ids.length) {
    throw new OptionError("option_worlds", "a server needs worlds with ids of their own", "name each world once", {
      ids,
    });
  }
}

function offeredCodec(request: IncomingMessage): Codec | undefined {
  const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",");
  return offered.map((name) => codecFor(name.trim())).find((codec) => codec !== undefined);
}
