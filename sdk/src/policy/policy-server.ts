// A policy behind a socket: a server of openpi's WebSocket policy protocol, for any client of it.
//
// openpi has no reset and no sessions: a connection is an episode, and each has a policy of its own, so that what one
// episode's policy remembers another's doesn't see. A request that can't be answered gets a text message, and is the last.
import { on, once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { hostname } from "node:os";
import {
  checkOrigins,
  checkToken,
  cut,
  type EnvSpec,
  floatTensor,
  OptionError,
  type Refusal,
  refusalOf,
} from "@worldstep/protocols";
import { type WebSocket, WebSocketServer } from "ws";
import type { Policy } from "./policy.js";
import { type PolicyRecord, packPolicy } from "./policy-codec.js";
import { bytesOf, readObservation } from "./policy-server-observation.js";
import { Seats } from "./seats.js";

/** What a policy needs to be told of the worlds that it acts on. */
export type PolicySpaces = Pick<EnvSpec, "observationSpace" | "actionSpace">;

export interface PolicyServerOptions {
  /** Default 0: any free port. */
  readonly port?: number;
  /** Default 127.0.0.1: this machine only. */
  readonly host?: string;
  /** What every client must bring, as its API key; default none: whoever reaches the server may ask the policy. */
  readonly token?: string;
  /** Origins (`https://host:port`, or `*`) whose pages may connect. Other programs send none. */
  readonly allowedOrigins?: readonly string[];
  /** What clients are told of the policy, beside the shapes that it takes and gives. */
  readonly metadata?: PolicyRecord;
  /** The first connection's policy is reset with this seed, each later one's with the next; default 0. */
  readonly seed?: number;
  /** Is told every error that a client is told, and what closing a policy threw. */
  readonly onError?: (error: unknown) => void;
}

export interface PolicyServer {
  /** `ws://host:port` */
  readonly url: string;
  /** Refuses new connections, ends the present ones (1001), and closes their policies. */
  close(): Promise<void>;
}

/** For prompts and other cameras, though nobody looks at them: so many bytes, or so many times what is looked at. */
const MAX_MESSAGE = { bytes: 4 * 2 ** 20, times: 4 };
/** What a message may come in, or its pieces would take more than itself. */
const PIECES = { maxFragments: 1024, maxBufferedChunks: 16_384 };
const MAX_CONNECTIONS = 64;
/** Of HTTP, half-open ones among them. */
const MORE_CONNECTIONS = 1024;
const LONGEST_ERROR = 2000;
const CLOSE_GOING_AWAY = 1001;
const CLOSE_FAILED = 1011;
const CLOSE_PATIENCE_MS = 1000;
/** How often a client is asked whether it is there: one whose machine is gone says no goodbye. */
const ROUND_MS = 20_000;
// Whoever is slower than this with a request's head has no business here.
const HTTP = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  connectionsCheckingInterval: 2_000,
};

/**
 * Serves the policies that `open` gives, one a connection, for worlds of `spec`, in the dialect `openpi`. An observation
 * has `observation/image`, uint8 `[H, W, 3]`, the newest frame, and `observation/state`, float32 or float64 `[P]`, the
 * proprioception; what else it has is ignored. An answer has `actions`, float32 `[stride, A]`, and how long it took.
 * Resolves when it listens. Throws `OptionError` (`option_port`, `option_host`, `option_token`, `option_origin`), or what
 * else listening threw.
 */
export async function servePolicy(
  open: () => Promise<Policy>,
  spec: PolicySpaces,
  options: PolicyServerOptions = {},
): Promise<PolicyServer> {
  const { port = 0, host = "127.0.0.1", metadata = {}, seed = 0, onError = () => undefined } = options;
  const refusal = doorOf(options, host);
  const http = createServer(HTTP, ({ url }, response) => {
    const text = { "content-type": "text/plain" };
    if (url === "/healthz") response.writeHead(200, text).end("OK\n");
    else response.writeHead(426, { ...text, upgrade: "websocket" }).end("a policy server: connect by WebSocket\n");
  });
  http.maxConnections = MAX_CONNECTIONS + MORE_CONNECTIONS;
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: Math.max(MAX_MESSAGE.bytes, MAX_MESSAGE.times * bytesOf(spec.observationSpace)),
    ...PIECES,
    verifyClient: ({ req }, done) => {
      const refused = refusal(req);
      if (refused) done(false, refused.status, refused.why);
      else if (!seats.makeRoom()) done(false, 503, "too many connections");
      else done(true);
    },
  });
  const seats = new Seats(MAX_CONNECTIONS, ROUND_MS);
  const episodes = new Set<Promise<void>>();
  let count = 0;
  http.on("upgrade", (request, socket, head) => {
    sockets.handleUpgrade(request, socket, head, (client) => {
      seats.take(client);
      const episode = converse(client, open, spec, { ...metadata, seed: seed + count++ }, (error) => {
        seats.giveUp(client);
        onError(error);
      })
        .catch(onError)
        .finally(() => episodes.delete(episode));
      episodes.add(episode);
    });
  });
  await listen(http, port, host);
  http.on("error", onError);

  const address = http.address() as AddressInfo;
  return {
    url: `ws://${address.family === "IPv6" ? `[${address.address}]` : address.address}:${address.port}`,
    close: async () => {
      const stopped = new Promise((resolve) => http.close(resolve));
      seats.close();
      for (const client of sockets.clients) {
        client.close(CLOSE_GOING_AWAY, "the server shuts down");
        client.resume(); // one that waits for its answer would not be heard to close
      }
      const impatience = setTimeout(() => {
        for (const client of sockets.clients) client.terminate();
      }, CLOSE_PATIENCE_MS);
      http.closeAllConnections();
      // A policy that doesn't answer is left behind.
      await Promise.race([
        Promise.all([...episodes, stopped]),
        once(AbortSignal.timeout(2 * CLOSE_PATIENCE_MS), "abort"),
      ]);
      clearTimeout(impatience);
    },
  };
}

/** Says of a request why it is not let in, if it isn't. */
function doorOf(options: PolicyServerOptions, host: string): (request: IncomingMessage) => Refusal | undefined {
  const token = options.token === undefined ? {} : { token: checkToken(options.token) };
  const origins = checkOrigins(options.allowedOrigins ?? []);
  const hosts = [host, hostname()].map((name) => name.toLowerCase());
  return ({ headers, socket }) =>
    refusalOf(headers, { ...token, schemes: ["Api-Key", "Bearer"], origins, hosts, port: socket.localPort ?? 0 });
}

/** One connection, from hello to close: reads from it when the message before is answered. */
async function converse(
  client: WebSocket,
  open: () => Promise<Policy>,
  spec: PolicySpaces,
  metadata: PolicyRecord & { readonly seed: number },
  onFailure: (error: unknown) => void,
): Promise<void> {
  const messages = on(client, "message", { close: ["close"], highWaterMark: 1 });
  client.on("error", () => undefined); // `close` follows
  client.send(packPolicy(helloOf(spec, metadata)));
  let policy: Policy | undefined;
  let previousMs: number | undefined;
  try {
    for await (const [data, isBinary] of messages) {
      const began = performance.now();
      client.pause(); // or more than this message would wait here
      if (policy === undefined) {
        policy = await open(); // not sooner: the only place for an error is the answer to a question
        await policy.reset(metadata.seed);
      }
      const reply = packPolicy(await answer(policy, spec, isBinary ? data : undefined, previousMs));
      await new Promise((sent) => client.send(reply, sent)); // whoever doesn't read is asked no more
      previousMs = performance.now() - began;
      client.resume();
    }
  } catch (error) {
    if (client.readyState === client.OPEN) {
      onFailure(error);
      client.send(cut(String(error), LONGEST_ERROR));
      client.close(CLOSE_FAILED, "Internal server error. Traceback included in previous frame."); // as openpi closes
      client.resume(); // it may be paused, and then would not hear the other side close
    }
  } finally {
    await policy?.close();
  }
}

function helloOf({ observationSpace, actionSpace }: PolicySpaces, metadata: PolicyRecord): PolicyRecord {
  const { frames, proprioception } = observationSpace.spaces;
  return {
    ...metadata,
    image_shape: frames?.shape.slice(1) ?? [],
    state_shape: proprioception?.shape ?? [],
    actions_shape: actionSpace.shape,
  };
}

// Openpi's words for the times: of the policy alone, of it and what is done for it, of the whole request before this one.
async function answer(
  policy: Policy,
  { observationSpace, actionSpace }: PolicySpaces,
  message: Uint8Array | undefined,
  previousMs: number | undefined,
): Promise<PolicyRecord> {
  const asked = performance.now();
  const observation = readObservation(observationSpace, message);
  const began = performance.now();
  const actions = floatTensor(await policy.act(observation), actionSpace.shape);
  const ended = performance.now();
  return {
    actions,
    policy_timing: { infer_ms: ended - began },
    server_timing: { infer_ms: ended - asked, ...(previousMs !== undefined && { prev_total_ms: previousMs }) },
  };
}

async function listen(http: Server, port: number, host: string): Promise<void> {
  try {
    http.listen(port, host);
    await once(http, "listening");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (code === "EADDRINUSE" || code === "EACCES") {
      const why = code === "EADDRINUSE" ? "is taken" : "may not be listened on by this user";
      const remedy = "give another port above 1023, or 0 for any";
      throw new OptionError("option_port", `port ${port} of ${host} ${why}`, remedy, { port }, { cause });
    }
    if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND") {
      const remedy = "give 127.0.0.1 or 0.0.0.0 as host";
      throw new OptionError("option_host", `this machine has no address ${host}`, remedy, { host }, { cause });
    }
    throw cause;
  }
}
