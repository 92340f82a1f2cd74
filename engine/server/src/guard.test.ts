// What a client can do to a server: nothing to the others, and to the process nothing at all.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { get } from "node:https";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import {
  byteTensor,
  type ErrorMessage,
  encodeMessage,
  msgpackCodec,
  protobufCodec,
  type Tensors,
  WorldError,
} from "@worldstep/protocols";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import {
  action,
  Counter,
  clients,
  connect,
  resolvers,
  SPEC,
  start,
  type Unsent,
} from "../../../test/fixtures/counter-server.js";

describe.each([msgpackCodec, protobufCodec])("over $subprotocol", (codec) => {
  const long = "x".repeat(7000);
  const echoes: readonly [string, object, string][] = [
    ["a world", { type: "open", world: long, tensors: {} }, "request_unknown_world"],
    [
      "a world of control characters",
      { type: "open", world: "\x01".repeat(7000), tensors: {} },
      "request_unknown_world",
    ],
    ["a session", { type: "close", session: long, tensors: {} }, "session_unknown"],
    ["a session to resume", { type: "resume", session: long, token: long.slice(6000), tensors: {} }, "session_unknown"],
    ["a session to step", { type: "step", session: long, tick: 1, tensors: { action: action(0) } }, "session_unknown"],
  ];

  it.each(echoes)("an error quotes little of %s", async (_, message, code) => {
    const client = await connect(await start(), codec);
    const error = await client.request("error", message as Unsent);
    expect(error.code).toBe(code);
    expect(JSON.stringify(error).length).toBeLessThan(1500);
    await client.settle();
  });

  it.each([
    ["type", { type: long, id: 1 }, "message_unknown_type"],
    ["field", { type: "ping", id: 1, [long]: 1 }, "message_unknown_field"],
    ["tensor", { type: "ping", id: 1, tensors: [{ name: long, dtype: "uint8", shape: [0] }] }, "tensor_unexpected"],
  ])("nor of a %s that there is not", async (what, header, code) => {
    if (what === "field" && codec === protobufCodec) return; // there a field has a number
    const client = await connect(await start(), codec);
    client.socket.send(framed(codec.pack(header)));
    const error = await client.takeType("error");
    expect(error.code).toBe(code);
    expect(JSON.stringify(error).length).toBeLessThan(1500);
    await client.settle();
  });

  it("a header over the limit is refused before it is read", async () => {
    const client = await connect(await start(), codec);
    client.socket.send(framed(new Uint8Array(8193).fill(0xc1))); // no codec could read it
    expect(await client.takeType("error")).toMatchObject({
      code: "message_header_too_big",
      facts: { bytes: 8193, maxHeaderBytes: 8192 },
    });
    expect(await client.closed()).toBe(1009);
  });

  it("an error that can't be sent is sent as what it is: internal", async () => {
    const failures = [
      new WorldError("world_odd", "\ud800 half a pair", "none", { deep: nested(40) }),
      new WorldError("world_long", "m".repeat(3_000_000), "r".repeat(3_000_000), { all: ["\x01".repeat(3_000_000)] }),
      Object.assign(new WorldError("x", "x", "x"), { code: "\udc00", summary: "no code can hold half a pair" }),
    ];
    const env = new Counter();
    env.reset = () => Promise.reject(failures.shift());
    const client = await connect(
      await start({}, { worlds: [{ spec: SPEC, hash: "c0", open: async () => env }] }),
      codec,
    );
    const { session } = await client.open();
    const errors: ErrorMessage[] = [];
    for (let i = 0; i < 3; i++) errors.push(await client.request("error", { type: "reset", session, tensors: {} }));
    expect(errors.map(({ code }) => code)).toEqual(["world_odd", "world_long", "internal"]);
    expect(errors[0]?.message).toBe("\ufffd half a pair");
    expect(errors[1]?.message).toHaveLength(2000);
    expect(JSON.stringify(errors).length).toBeLessThan(20_000);
  });
});

describe("who is let in", () => {
  const page = (server: { url: string; port: number }, headers: object, protocols = [msgpackCodec.subprotocol]) =>
    new Promise<number>((resolve) => {
      const socket = new WebSocket(server.url.replace("http", "ws"), protocols, {
        headers,
        rejectUnauthorized: false,
      } as object);
      socket.on("open", () => resolve(101));
      socket.on("unexpected-response", (_, { statusCode = 0 }) => resolve(statusCode));
      socket.on("error", () => undefined);
      socket.on("open", () => socket.terminate());
    });

  it("pages of its own, and no others", async () => {
    const server = await start();
    const own = `127.0.0.1:${server.port}`;
    expect(await page(server, {})).toBe(101);
    expect(await page(server, { origin: `http://${own}` })).toBe(101);
    expect(await page(server, { origin: `http://localhost:${server.port}` })).toBe(101);
    expect(await page(server, { origin: "http://localhost:1" })).toBe(403);
    expect(await page(server, { origin: "https://evil.example" })).toBe(403);
    expect(await page(server, { origin: "null" })).toBe(403);
    // A name that was made to mean this machine, in the page's address as in the request.
    expect(await page(server, { origin: "http://evil.example", host: "evil.example" })).toBe(421);
    expect((await fetch(`${server.url}metrics`)).status).toBe(200);
  });

  it("those who have the token, in a header or as a subprotocol", async () => {
    const server = await start({}, { token: "open-Sesame_1" });
    const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
    expect(await page(server, {})).toBe(401);
    expect(await page(server, bearer("open-Sesame_2"))).toBe(401);
    expect(await page(server, bearer("open-Sesame_1"))).toBe(101);
    expect(await page(server, {}, [msgpackCodec.subprotocol, "worldstep.token.open-Sesame_1"])).toBe(101);
    expect(await page(server, {}, [msgpackCodec.subprotocol, "worldstep.token.open"])).toBe(401);
    expect((await fetch(`${server.url}metrics`)).status).toBe(401);
    expect((await fetch(`${server.url}metrics`, { headers: bearer("open-Sesame_1") })).status).toBe(200);
    expect((await fetch(`${server.url}healthz`)).status).toBe(200);
    await expect(start({}, { token: "with space" })).rejects.toMatchObject({ code: "option_token" });
    await expect(start({}, { allowedOrigins: ["example"] })).rejects.toMatchObject({ code: "option_origin" });
  });

  it("says in the log whom it did not let in, and why, once a second at most", async () => {
    const lines: string[] = [];
    const logger = pino({ level: "warn" }, { write: (line) => lines.push(line) });
    const server = await start({}, { logger });
    const begun = performance.now();
    const most = () => 2 + (performance.now() - begun) / 1000;
    const long = `https://${"evil".repeat(50)}.example`;
    for (let i = 0; i < 20; i++) await page(server, { origin: "https://evil.example" });
    await page(server, { origin: long });
    await page(server, { host: "evil.example" });
    expect(lines.length).toBeLessThan(most());
    await expect.poll(() => lines.join(), { timeout: 3000 }).toContain('"kind":"host"');
    const told = lines.flatMap((line) => JSON.parse(line).refusals);
    expect(told[0]).toMatchObject({
      kind: "origin",
      count: 1,
      why: expect.stringContaining("--allow-origin"),
      origin: "https://evil.example",
    });
    const count = (kind: string) => told.reduce((sum, refusal) => sum + (refusal.kind === kind ? refusal.count : 0), 0);
    expect([count("origin"), count("host")]).toEqual([21, 1]);
    expect(told.findLast(({ kind }) => kind === "origin").origin).toBe(`${long.slice(0, 119)}…`);
    expect(told.findLast(({ kind }) => kind === "host").host).toBe("evil.example");
    expect(lines.length).toBeLessThan(most());
  });

  it("over TLS, where it has a certificate", async () => {
    const pem = (name: string) =>
      readFileSync(fileURLToPath(new URL(`../../../test/fixtures/tls/${name}`, import.meta.url)));
    const server = await start({}, { tls: { cert: pem("cert.pem"), key: pem("key.pem") } });
    expect(server.url).toMatch(/^https:/);
    expect(await page(server, { origin: `https://127.0.0.1:${server.port}` })).toBe(101);
    const status = await new Promise((resolve) => {
      get(`${server.url}healthz`, { rejectUnauthorized: false }, (response) => resolve(response.statusCode));
    });
    expect(status).toBe(200);
    await expect(start({}, { tls: { cert: pem("key.pem"), key: pem("cert.pem") } })).rejects.toMatchObject({
      code: "option_tls",
    });
  });

  it("shows its page to nobody who would misuse it", async () => {
    const { headers } = await fetch((await start()).url);
    expect(headers.get("content-security-policy")).toMatch(/default-src 'self'.*frame-ancestors 'none'/);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
  });
});

describe("turns and budgets", () => {
  it("a flood of one client does not keep another waiting", async () => {
    const server = await start();
    const [flooder, other] = [await connect(server), await connect(server)];
    for (let id = 0; id < 20_000; id++) flooder.send({ type: "ping", id, tensors: {} });
    for (let i = 0; i < 20; i++) await other.settle();
    expect(flooder.messages.length).toBeLessThan(10_000);
    await expect.poll(() => flooder.messages.length, { timeout: 20_000 }).toBe(20_000);
  });

  it("a client's sessions have a limit of their own", async () => {
    const server = await start({ maxSessionsPerConnection: 2 });
    const client = await connect(server);
    await client.open();
    const { session, token } = await client.open();
    const open = { type: "open", world: "counter", tensors: {} } as const;
    expect(await client.request("error", open)).toMatchObject({
      code: "session_over_limit",
      facts: { maxSessionsPerConnection: 2 },
    });
    await client.request("resumed", { type: "resume", session, token, tensors: {} }); // its own already
    const other = await connect(server);
    const third = await other.open();
    const resume = { type: "resume", session: third.session, token: third.token, tensors: {} } as const;
    expect(await client.errorCode(resume)).toBe("session_over_limit");
    await client.request("closed", { type: "close", session, tensors: {} });
    await client.request("resumed", resume);
  });

  it("a loop of 64 worlds has room on one connection, and another one beside it", async () => {
    const server = await start();
    for (const client of [await connect(server), await connect(server)]) {
      await Promise.all(Array.from({ length: 64 }, () => client.open()));
      const error = await client.request("error", { type: "open", world: "counter", tensors: {} });
      expect(error.remedy).toContain("--max-sessions-per-connection");
    }
    expect(Counter.open).toBe(128);
  });

  it("requests wait up to so many bytes", async () => {
    const client = await connect(await start({ maxQueuedBytes: 100_000 }));
    const { session } = await client.open();
    await client.reset(session);
    const gate = resolvers();
    Counter.gate = gate.promise;
    const running = client.step(session, 1);
    await after(20);
    const frames = byteTensor(new Uint8Array(48 * 1500), [1500, 4, 4, 3]);
    const reset: Unsent = { type: "reset", session, tensors: { frames } };
    const [first, second] = [client.ask(reset), client.ask(reset)];
    expect(await second).toMatchObject({ code: "request_over_limit", facts: { maxQueuedBytes: 100_000 } });
    gate.resolve();
    expect([(await running).tick, (await first).type]).toEqual([1, "observation"]);
    expect((await client.ask(reset)).type).toBe("observation");
  });

  it("who takes most of what all may have is cut", async () => {
    const server = await start({ maxHeldBytes: 4 * 2 ** 20 });
    const good = await connect(server);
    const hoarders = await Promise.all(Array.from({ length: 3 }, () => connect(server)));
    const { session } = await good.open();
    await good.reset(session);
    // Parts of messages, the rest of which doesn't come.
    for (const { socket } of hoarders) socket.send(new Uint8Array(2 * 2 ** 20), { fin: false });
    await Promise.race(hoarders.map((client) => client.closed()));
    expect((await good.step(session, 1)).tick).toBe(1);
    expect(await (await fetch(`${server.url}metrics`)).text()).toContain('worldstep_refusals_total{kind="held"} 1');
  });

  it("a watcher that doesn't read is cut at a bound, and the session goes on", async () => {
    const server = await start({ maxUnsentBytes: 8 * 2 ** 20 });
    const [owner, watcher] = [await connect(server), await connect(server)];
    const { session, token } = await owner.open();
    await owner.reset(session, { task: "big" });
    for (let i = 0; i < 8; i++) {
      const subscribe = { type: "subscribe", session, token, policy: "block", credit: 2 ** 31, tensors: {} } as const;
      await watcher.request("subscribed", subscribe);
    }
    watcher.socket.pause();
    let tick = 0;
    for (; tick < 200 && !(await metric(server.url)).includes('kind="unread"} 1'); ) await owner.step(session, ++tick);
    expect(tick).toBeGreaterThan(2);
    expect(tick).toBeLessThan(40); // 3.1 MB a tick: 8 MiB, and what the system's buffers hold
    expect((await owner.step(session, tick + 1)).tick).toBe(tick + 1);
  });

  it("a reply of more bytes than may wait gets to a client that reads", async () => {
    const server = await start({ maxUnsentBytes: 2 ** 18 });
    const client = await connect(server);
    const { session } = await client.open();
    await client.reset(session, { task: "big" });
    for (let tick = 4; tick <= 12; tick += 4) expect((await client.stepChunk(session, tick - 3, 4)).tick).toBe(tick);
    expect(await metric(server.url)).not.toContain('kind="unread"');
  });

  it("a session of which nobody asks anything ends, and its owner is told", async () => {
    const client = await connect(await start({ maxIdleSeconds: 0.2 }));
    const { session } = await client.open();
    await client.reset(session);
    for (let tick = 1; tick <= 4; tick++) {
      await after(100);
      await client.step(session, tick);
    }
    expect(await client.takeType("error")).toMatchObject({ session, code: "session_idle" });
    expect(Counter.open).toBe(0);
    expect(await client.errorCode({ type: "reset", session, tensors: {} })).toBe("session_unknown");
  });

  it.each(["cancelled", "taken over"])("a session ends as well whose request was %s while it waited", async (how) => {
    const server = await start({ maxIdleSeconds: 0.2 });
    const client = await connect(server);
    const { session, token } = await client.open();
    await client.reset(session);
    const watch = { type: "subscribe", session, token, policy: "block", credit: 0, tensors: {} } as const;
    await client.request("subscribed", watch); // it takes no frame: no request begins
    client.send({ type: "step", id: 7, session, tick: 1, tensors: { action: action(0) } });
    await after(300);
    expect(Counter.open).toBe(1); // a request that waits is no idleness
    if (how === "cancelled") {
      await client.request("cancelled", { type: "cancel", target: 7, tensors: {} });
      expect(await client.takeType("error")).toMatchObject({ id: 7, code: "request_cancelled" });
    }
    const owner = how === "cancelled" ? client : await connect(server);
    if (owner !== client) await owner.request("resumed", { type: "resume", session, token, tensors: {} });
    expect(await owner.takeType("error")).toMatchObject({ session, code: "session_idle" });
  });

  it("whoever still sends is alive, be it a byte at a time", async () => {
    const server = await start({ keepAliveSeconds: 0.2 });
    const client = await connect(server);
    const { session } = await client.open();
    await client.reset(session);
    const tensors: Tensors = { action: action(0.5) };
    const bytes = encodeMessage(msgpackCodec, { type: "step", id: 7, session, tick: 1, tensors } as never);
    const raw = (client.socket as unknown as { _socket: { write(data: Uint8Array): void } })._socket;
    client.socket.pause(); // so that no pong is sent
    raw.write(Uint8Array.from([0x82, 0xfe, bytes.length >> 8, bytes.length & 255, 0, 0, 0, 0]));
    const step = Math.ceil(bytes.length / 20);
    for (let at = 0; at < bytes.length; at += step) {
      raw.write(bytes.subarray(at, at + step));
      await after(60);
    }
    client.socket.resume();
    expect(await client.takeType("stepped")).toMatchObject({ id: 7, tick: 1 });
  });

  it("a full server gives up a connection without a session for a new one", async () => {
    const server = await start({ maxConnections: 2 });
    const [busy, idle] = [await connect(server), await connect(server)];
    const { session } = await busy.open();
    const next = await connect(server);
    await idle.closed();
    await next.open();
    const refused = new WebSocket(server.url.replace("http", "ws"), msgpackCodec.subprotocol);
    refused.on("error", () => undefined);
    const status = await new Promise((resolve) => {
      refused.on("unexpected-response", (_, response) => resolve(response.statusCode));
    });
    refused.terminate();
    expect(status).toBe(503);
    await busy.reset(session);
  });

  it("watchers hold no place of a full server, but longer than who does nothing", async () => {
    const server = await start({ maxConnections: 3 });
    const [owner, watcher, idle] = [await connect(server), await connect(server), await connect(server)];
    const { session, token } = await owner.open();
    await owner.reset(session);
    const watch = { type: "subscribe", session, token, policy: "drop", credit: 0, tensors: {} } as const;
    await watcher.request("subscribed", watch);
    await (await connect(server)).open();
    await idle.closed();
    await (await connect(server)).open();
    await watcher.closed();
    await owner.step(session, 1, 1);
  });

  it("who takes nothing of a file is cut, and who takes it slowly gets it whole", async () => {
    const staticDir = await mkdtemp(join(tmpdir(), "worldstep-"));
    const bytes = 16 * 2 ** 20;
    await writeFile(join(staticDir, "big.js"), new Uint8Array(bytes));
    const server = await start({ keepAliveSeconds: 0.3 }, { staticDir });
    const got = async (begin: number, pause: number) => {
      const socket = connectTcp(server.port, "127.0.0.1").on("error", () => undefined);
      socket.write("GET /big.js HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
      await after(begin);
      let sum = 0;
      socket.on("data", (data) => {
        sum += data.length;
        socket.pause();
        setTimeout(() => socket.resume(), pause);
      });
      await once(socket, "close");
      return sum;
    };
    const [idle, slow] = await Promise.all([got(1500, 0), got(0, 3)]);
    expect(idle).toBeLessThan(bytes);
    expect(slow).toBeGreaterThan(bytes); // with its head
    await rm(staticDir, { recursive: true });
  });

  it("requests that never end hold nobody up", async () => {
    const server = await start();
    const slow = Array.from({ length: 50 }, () => {
      const socket = connectTcp(server.port, "127.0.0.1");
      socket.on("error", () => undefined);
      socket.write("GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ");
      return socket;
    });
    await (await connect(server)).open();
    for (const socket of slow) socket.destroy();
  });

  it.each([
    ["a head that is too long", `GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${"x".repeat(20_000)}\r\n\r\n`, 431],
    ["what is no HTTP", "good morning\r\n\r\n", 400],
  ])("%s is told so", async (_, sent, status) => {
    const socket = connectTcp((await start()).port, "127.0.0.1");
    socket.end(sent);
    let answer = "";
    for await (const bytes of socket) answer += String(bytes);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });
});

describe("what the WebSocket itself forbids", () => {
  const frame = (head: number, mask: number) => Uint8Array.of(head, mask, 0, 0, 0, 0);
  it.each([
    ["a message in 16,384 fragments, malformed like any empty one", 16_384, 0x80, 1007],
    ["one in more", 16_385, 0x80, 1008],
    ["a frame without a mask", 1, 0, 1002],
  ])("%s", async (_, fragments, masked, expected) => {
    const client = await connect(await start());
    const raw = (client.socket as unknown as { _socket: { write(data: Uint8Array): void } })._socket;
    const closed = new Promise<number>((resolve) => client.socket.on("close", resolve));
    const whole = fragments === 1;
    const frames = Array.from({ length: fragments }, (_, i) =>
      frame((i === 0 ? 2 : 0) | (whole || i === fragments - 1 ? 0x80 : 0), masked),
    );
    raw.write(Buffer.concat(frames));
    expect(await closed).toBe(expected);
  });
});

it("a chunk of billions of empty actions is refused before anything is made of them", async () => {
  const client = await connect(await start());
  const { session } = await client.open();
  await client.reset(session);
  const actions = { dtype: "float32", shape: [2 ** 32 - 1, 0, 3], data: new Float32Array() } as const;
  const chunk: Unsent = { type: "stepChunk", session, tick: 1, tensors: { actions } };
  expect(await client.request("error", chunk)).toMatchObject({
    code: "action_chunk",
    facts: { ticks: 2 ** 32 - 1, most: 4 },
  });
  expect((await client.step(session, 1)).tick).toBe(1);
});

describe("the end", () => {
  it("comes in a bounded time, though a world never answers and a client never reads", async () => {
    const server = await start();
    const client = await connect(server);
    const { session } = await client.open();
    await client.reset(session);
    const gate = resolvers();
    Counter.gate = gate.promise;
    client.step(session, 1).catch(() => undefined);
    await after(50);
    client.socket.pause();
    const begun = performance.now();
    await server.close();
    expect(performance.now() - begun).toBeLessThan(4000);
    gate.resolve();
    client.socket.resume();
    await client.closed();
    clients.splice(0);
    await expect.poll(() => Counter.open).toBe(0);
  });
});

it("the log says what failed, and why", async () => {
  const lines: string[] = [];
  const server = await start({}, { logger: pino({}, { write: (line: string) => void lines.push(line) }) });
  const client = await connect(server);
  const { session } = await client.open();
  await client.reset(session, { task: "crash" });
  expect(await client.errorCode({ type: "step", session, tick: 1, tensors: { action: action(0) } })).toBe("internal");
  const failed = lines.map((line) => JSON.parse(line)).find(({ msg }) => msg === "a request failed");
  expect(failed.err).toMatchObject({ type: "TypeError", message: "a bug in the world" });
  expect(failed.err.stack).toContain("counter-server");
});

it("metrics tell of the event loop, memory and what waits", async () => {
  const text = await metric((await start()).url);
  for (const name of [
    'worldstep_event_loop_lag_seconds{quantile="0.99"}',
    "process_resident_memory_bytes",
    "worldstep_waiting_requests 0",
    "worldstep_waiting_turns",
    "worldstep_held_bytes",
  ]) {
    expect(text).toContain(name);
  }
});

async function metric(url: string): Promise<string> {
  return (await fetch(`${url}metrics`)).text();
}

function framed(header: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((4 + header.length) / 8) * 8);
  new DataView(bytes.buffer).setUint32(0, header.length, true);
  bytes.set(header, 4);
  return bytes;
}

function nested(depth: number): unknown {
  return depth === 0 ? 1 : { inner: nested(depth - 1) };
}
