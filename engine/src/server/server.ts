// The server: HTTP for the console page, health and metrics; WebSocket for worldstep.v1 (docs/protocol.md). It hosts
// any Env and knows nothing of models.
//
//   upgrade -> Connection (decode, reply) -> SessionTable (find, admit) -> Session (queue, commit) -> Env
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
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
} from "@worldstep/protocols";
import type { Logger } from "pino";
import { WebSocketServer } from "ws";
import { Connection } from "./connection.js";
import { limitsWith } from "./limits.js";
import { Metrics } from "./metrics.js";
import { type HostedWorld, SessionTable } from "./session-table.js";
import { sendFile } from "./static-files.js";

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
  /** Origins (`http://host:port`) whose pages may connect; default any. Clients that are no browser send none. */
  readonly allowedOrigins?: readonly string[];
}

export interface RunningServer {
  /** `http://host:port/`: the console; the same with `ws:` for clients. */
  readonly url: string;
  readonly port: number;
  /** Refuses new connections, finishes running ticks, closes sockets (1001) and envs. */
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 1024;
const CLOSE_GOING_AWAY = 1001;
const CLOSE_PATIENCE_MS = 1000;
const DETERMINISM = "the same world hash, seed and actions give the same bits on one backend and machine type";

/** Hosts `worlds`; resolves when it listens. Rejects with the error of `listen`, or `OptionError` for bad options. */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const { worlds, logger, port = 0, host = "127.0.0.1", staticDir, allowedOrigins } = options;
  const limits = limitsWith(options.limits ?? {});
  checkWorlds(worlds);
  const hello = helloOf(worlds, limits);
  encodeMessage(msgpackCodec, hello); // a spec that can't be sent is found now, not by the first client
  const table = new SessionTable(
    worlds,
    limits,
    (world, seconds) => {
      metrics.steps.inc({ world });
      metrics.stepSeconds.observe({ world }, seconds);
    },
    (error) => logger.error({ error }, "an idle session did not close"),
  );
  const metrics = new Metrics(() => table.size);

  const http = createServer((request, response) => {
    answerHttp(request, response, metrics, staticDir).catch((error: unknown) => {
      logger.debug({ error, url: request.url }, "an HTTP request failed"); // mostly a browser that went away
      response.destroy();
    });
  });
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: limits.maxMessageBytes,
    handleProtocols: (offered) => [...offered].find((name) => codecFor(name)) ?? false,
  });
  http.on("upgrade", (request, socket, head) => {
    const codec = offeredCodec(request);
    const origin = request.headers.origin;
    if (sockets.clients.size >= MAX_CONNECTIONS) {
      refuse(socket, "503 Service Unavailable", "too many connections");
    } else if (origin !== undefined && allowedOrigins && !allowedOrigins.includes(origin)) {
      refuse(socket, "403 Forbidden", "this origin is not allowed");
    } else if (!codec) {
      refuse(socket, "400 Bad Request", "offer the subprotocol worldstep.v1.msgpack or worldstep.v1.protobuf");
    } else {
      sockets.handleUpgrade(request, socket, head, (webSocket) => {
        metrics.connections.inc();
        webSocket.on("close", () => metrics.connections.dec());
        new Connection(webSocket, codec, table, limits, metrics, logger).send(hello);
      });
    }
  });

  await new Promise<void>((resolve, reject) => {
    http.once("error", reject);
    http.listen(port, host, () => {
      http.off("error", reject);
      resolve();
    });
  });
  const address = http.address() as AddressInfo;
  const url = `http://${address.family === "IPv6" ? `[${address.address}]` : address.address}:${address.port}/`;
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

  async function close(): Promise<void> {
    const stopped = new Promise<void>((resolve) => http.close(() => resolve()));
    await table.closeAll();
    for (const socket of sockets.clients) socket.close(CLOSE_GOING_AWAY, "the server shuts down");
    const impatience = setTimeout(() => {
      for (const socket of sockets.clients) socket.terminate();
    }, CLOSE_PATIENCE_MS);
    http.closeAllConnections();
    await stopped;
    clearTimeout(impatience);
  }
}

function helloOf(worlds: readonly HostedWorld[], limits: Limits): HelloMessage {
  const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
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

function refuse(socket: Duplex, status: string, why: string): void {
  socket.on("error", () => socket.destroy());
  socket.once("finish", () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: ${why.length}\r\n\r\n${why}`,
  );
}

async function answerHttp(
  request: IncomingMessage,
  response: ServerResponse,
  metrics: Metrics,
  staticDir: string | undefined,
): Promise<void> {
  const pathname = (request.url ?? "/").split("?", 1)[0] as string;
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.writeHead(405, { allow: "GET, HEAD" }).end();
  } else if (pathname === "/healthz") {
    response.writeHead(200, { "content-type": "text/plain" }).end("ok\n");
  } else if (pathname === "/metrics") {
    response.writeHead(200, { "content-type": metrics.contentType }).end(await metrics.text());
  } else if (!staticDir || !(await sendFile(staticDir, pathname, response))) {
    response.writeHead(404, { "content-type": "text/plain" }).end("not found\n");
  }
}
