// The HTTP side of a server: limits of what a request may be, who is let in, headers that keep the console's page safe,
// health, metrics and the page itself.
import type { IncomingMessage, ServerOptions, ServerResponse } from "node:http";
import { createServer, type Server, type Socket } from "node:net";
import { hostname } from "node:os";
import type { Duplex } from "node:stream";
import { createServer as createTlsServer } from "node:tls";
import { checkOrigins, checkToken, OptionError, type Refusal, refusalOf } from "@worldstep/protocols";
import type { Metrics } from "./metrics.js";
import { sendFile } from "./static-files.js";

export interface DoorOptions {
  readonly host: string;
  readonly token?: string;
  readonly allowedOrigins: readonly string[];
}

/** Certificate and private key, each in PEM. */
export interface Tls {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

// Whoever is slower than this with a request's head, or sends more of it, has no business here.
export const HTTP: ServerOptions = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: 16_384,
};
const TLS_HANDSHAKE_MS = 10_000;

// The page runs its own scripts only, talks to this server or one that its address names, and is shown in no other page.
const PAGE_HEADERS = {
  "content-security-policy":
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self' ws: wss:; " +
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
} as const;

/** A server of TCP, or of TLS, that gives its connections to `welcome`. Throws `OptionError` (`option_tls`). */
export function createListener(tls: Tls | undefined, welcome: (socket: Socket) => void): Server {
  const options = { allowHalfOpen: true };
  if (tls === undefined) return createServer(options, welcome);
  try {
    return createTlsServer({ ...options, ...tls, handshakeTimeout: TLS_HANDSHAKE_MS }, welcome);
  } catch (cause) {
    const remedy = "give a certificate and its private key, both in PEM";
    throw new OptionError("option_tls", "the certificate and the key can't be used", remedy, {}, { cause });
  }
}

/** Says whom a server lets in. */
export class Door {
  private readonly origins: readonly string[];
  private readonly hosts: readonly string[];
  private readonly token: string | undefined;

  /** Throws `OptionError` (`option_token`, `option_origin`). */
  constructor({ host, token, allowedOrigins }: DoorOptions) {
    this.token = token === undefined ? undefined : checkToken(token);
    this.origins = checkOrigins(allowedOrigins);
    this.hosts = [host, hostname(), `${hostname()}.local`].map((name) => name.toLowerCase());
  }

  /** Why a request is not let in; undefined where it is. */
  refusal({ headers, socket }: IncomingMessage): Refusal | undefined {
    return refusalOf(headers, {
      ...(this.token !== undefined && { token: this.token }),
      schemes: ["Bearer"],
      origins: this.origins,
      hosts: this.hosts,
      port: socket.localPort ?? 0,
    });
  }

  /** Why the page itself is not shown: it is the same for all, and needs no token. */
  refusalOfPage(request: IncomingMessage): Refusal | undefined {
    const refusal = this.refusal(request);
    return refusal?.kind === "host" ? refusal : undefined;
  }
}

/** Refuses an upgrade. */
export function refuseUpgrade(socket: Duplex, status: string, why: string): void {
  socket.once("finish", () => socket.destroy());
  const challenge = status.startsWith("401") ? "www-authenticate: Bearer\r\n" : "";
  const head = `HTTP/1.1 ${status}\r\nconnection: close\r\n${challenge}content-type: text/plain\r\n`;
  socket.end(`${head}content-length: ${why.length}\r\n\r\n${why}`);
}

/** Answers anything but an upgrade. */
export async function answerHttp(
  request: IncomingMessage,
  response: ServerResponse,
  door: Door,
  metrics: Metrics,
  staticDir: string | undefined,
): Promise<void> {
  for (const [name, value] of Object.entries(PAGE_HEADERS)) response.setHeader(name, value);
  const text = (status: number, body: string, headers = {}) =>
    response.writeHead(status, { "content-type": "text/plain; charset=utf-8", ...headers }).end(body);
  const pathname = (request.url ?? "/").split("?", 1)[0] as string;
  const isMetrics = pathname === "/metrics";
  const refusal = isMetrics ? door.refusal(request) : door.refusalOfPage(request);
  if (request.method !== "GET" && request.method !== "HEAD") {
    text(405, "", { allow: "GET, HEAD", connection: "close" });
  } else if (pathname === "/healthz") {
    text(200, "ok\n");
  } else if (refusal) {
    metrics.refusals.inc({ kind: refusal.kind });
    text(refusal.status, `${refusal.why}\n`, refusal.kind === "token" ? { "www-authenticate": "Bearer" } : {});
  } else if (isMetrics) {
    response.writeHead(200, { "content-type": metrics.contentType }).end(await metrics.text());
  } else if (!staticDir || !(await sendFile(staticDir, pathname, response))) {
    text(404, "not found\n");
  }
}
