// The server over real sockets: requests, retries, resume, streams, admission, and 10,000 broken messages.
import { once } from "node:events";
import { mkdtemp, symlink, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type ActionLike,
  byteTensor,
  type ClientMessage,
  type Codec,
  decodeMessage,
  type Env,
  type EnvSpec,
  encodeMessage,
  type FloatTensor,
  type FrameMessage,
  floatTensor,
  type HelloMessage,
  type Limits,
  type Message,
  msgpackCodec,
  type Observation,
  observationOf,
  protobufCodec,
  ResetNeededError,
  type ResetOptions,
  type ServerMessage,
  type StepResult,
  toAction,
} from "@worldstep/protocols";
import { pino } from "pino";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { type RunningServer, type ServeOptions, serve } from "./server.js";

const SPEC: EnvSpec = {
  id: "counter",
  fps: 20,
  stride: 2,
  observationSpace: {
    type: "dict",
    spaces: {
      frames: { type: "box", dtype: "uint8", shape: [2, 4, 4, 3], low: 0, high: 255 },
      proprioception: { type: "box", dtype: "float32", shape: [2], low: Number.NEGATIVE_INFINITY, high: Infinity },
    },
  },
  actionSpace: { type: "box", dtype: "float32", shape: [2, 3], low: -1, high: 1 },
  actionNames: ["a", "b", "c"],
  proprioception: ["sum of all actions", "tick"],
  tasks: ["count", "crash", "big"],
  starts: [],
  maxTicks: 0,
  acceptsFrames: true,
};

/** A world that adds up its actions. It counts real steps, closed envs, and can be made to wait. */
class Counter implements Env {
  static steps = 0;
  static open = 0;
  static gate: Promise<void> = Promise.resolve();

  readonly spec = SPEC;
  private sum = 0;
  private tick = -1;
  private ended = false;
  private options: ResetOptions = {};

  constructor() {
    Counter.open += 1;
  }

  async reset(options: ResetOptions = {}) {
    this.options = options;
    this.sum = options.frames ? (options.frames.data[0] ?? 0) : (options.seed ?? 0);
    this.tick = 0;
    this.ended = false;
    return { observation: this.observe(), info: { seed: options.seed ?? null } };
  }

  async step(action: ActionLike): Promise<StepResult> {
    const { data } = toAction(SPEC.actionSpace, action);
    await Counter.gate;
    if (this.tick < 0) throw new ResetNeededError("never_reset");
    if (this.ended) throw new ResetNeededError("episode_ended");
    if (this.options.task === "crash") throw new TypeError("a bug in the world");
    Counter.steps += 1;
    this.tick += 1;
    this.sum += data.reduce((sum, value) => sum + value, 0);
    const truncated = this.tick === this.options.maxTicks;
    this.ended = truncated;
    return { observation: this.observe(), reward: this.sum, terminated: false, truncated, info: { tick: this.tick } };
  }

  async close() {
    Counter.open -= 1;
  }

  private observe(): Observation {
    const size = this.options.task === "big" ? 256 : 4;
    return {
      frames: byteTensor(new Uint8Array(2 * size * size * 3).fill(this.tick), [2, size, size, 3]),
      proprioception: floatTensor(Float32Array.of(this.sum, this.tick), [2]),
    };
  }
}

type Unsent = ClientMessage extends infer M ? (M extends ClientMessage ? Omit<M, "id"> : never) : never;
type Replies = { [M in ServerMessage as M["type"]]: M };

/** A bare client: one socket, messages in the order in which they came. */
class Client {
  readonly messages: ServerMessage[] = [];
  closeCode: number | undefined;
  private lastId = 1_000_000; // away from the ids of messages that tests write out
  private arrived = resolvers();

  constructor(
    readonly socket: WebSocket,
    readonly codec: Codec,
  ) {
    socket.on("error", () => {}); // refused handshakes are looked at by their tests, through `close`
    socket.on("message", (data: Buffer) => {
      this.messages.push(decodeMessage(codec, data) as ServerMessage);
      this.wake();
    });
    socket.on("close", (code) => {
      this.closeCode = code;
      this.wake();
    });
  }

  /** Takes the first message that `wanted` accepts, waiting for it. */
  async take<M extends ServerMessage>(wanted: (message: ServerMessage) => message is M): Promise<M> {
    for (;;) {
      const at = this.messages.findIndex(wanted);
      if (at >= 0) return this.messages.splice(at, 1)[0] as M;
      if (this.closeCode !== undefined) throw new Error(`closed with ${this.closeCode}`);
      await this.arrived.promise;
    }
  }

  takeType<T extends keyof Replies>(type: T): Promise<Replies[T]> {
    return this.take((message): message is Replies[T] => message.type === type);
  }

  async closed(): Promise<number> {
    while (this.closeCode === undefined) await this.arrived.promise;
    return this.closeCode;
  }

  send(message: Message): void {
    this.socket.send(encodeMessage(this.codec, message));
  }

  /** Sends a request; resolves to the reply, `error` or not. */
  ask(message: Unsent): Promise<ServerMessage> {
    this.lastId += 1;
    const id = this.lastId;
    this.send({ ...message, id } as ClientMessage);
    return this.take((reply): reply is ServerMessage => "id" in reply && reply.id === id);
  }

  async request<T extends keyof Replies>(type: T, message: Unsent): Promise<Replies[T]> {
    const reply = await this.ask(message);
    if (reply.type !== type) throw new Error(`expected ${type}, got ${JSON.stringify(reply)}`);
    return reply as Replies[T];
  }

  async errorCode(message: Unsent): Promise<string> {
    return (await this.request("error", message)).code;
  }

  open = () => this.request("opened", { type: "open", world: "counter", tensors: {} });
  reset = (session: string, options: object = {}) =>
    this.request("observation", { type: "reset", session, tensors: {}, ...options } as Unsent);
  step = (session: string, tick: number, value = 0.5) =>
    this.request("stepped", { type: "step", session, tick, tensors: { action: action(value) } });

  /** Waits until the server has answered all that was sent so far. */
  settle = () => this.request("pong", { type: "ping", tensors: {} });

  private wake(): void {
    const { resolve } = this.arrived;
    this.arrived = resolvers();
    resolve();
  }
}

function resolvers() {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

function action(value: number): FloatTensor {
  return floatTensor(new Float32Array(6).fill(value), [2, 3]);
}

const running: RunningServer[] = [];
const clients: Client[] = [];

async function start(limits: Partial<Limits> = {}, options: Partial<ServeOptions> = {}): Promise<RunningServer> {
  const worlds = [{ spec: SPEC, hash: "c0", open: async () => new Counter() }];
  const server = await serve({ worlds, limits, logger: pino({ level: "silent" }), ...options });
  running.push(server);
  return server;
}

async function connect(server: RunningServer, codec: Codec = msgpackCodec): Promise<Client & { hello: HelloMessage }> {
  const client = new Client(new WebSocket(server.url.replace("http", "ws"), codec.subprotocol), codec);
  clients.push(client);
  return Object.assign(client, { hello: await client.takeType("hello") });
}

afterEach(async () => {
  Counter.gate = Promise.resolve();
  for (const client of clients.splice(0)) client.socket.terminate();
  await Promise.all(running.splice(0).map((server) => server.close()));
  expect(Counter.open).toBe(0);
});

async function frames(client: Client, count: number): Promise<FrameMessage[]> {
  const taken: FrameMessage[] = [];
  while (taken.length < count) taken.push(await client.takeType("frame"));
  return taken;
}

describe.each([msgpackCodec, protobufCodec])("an episode over $subprotocol", (codec) => {
  it("says hello, opens, resets, steps, ends, closes", async () => {
    const client = await connect(await start(), codec);
    expect(client.hello).toMatchObject({ protocol: "worldstep.v1", server: "worldstep/0.1.0" });
    expect(client.hello.worlds).toEqual([{ ...SPEC, hash: "c0" }]);
    const { session } = await client.open();
    expect(await client.errorCode({ type: "step", session, tick: 1, tensors: { action: action(0) } })).toBe(
      "reset_needed",
    );
    const first = await client.reset(session, { seed: 7, maxTicks: 2 });
    expect(first).toMatchObject({ tick: 0, info: { seed: 7 } });
    expect(observationOf(first).proprioception?.data).toEqual(Float32Array.of(7, 0));
    expect(await client.step(session, 1)).toMatchObject({ tick: 1, reward: 10, truncated: false, info: { tick: 1 } });
    expect(await client.step(session, 2)).toMatchObject({ tick: 2, reward: 13, truncated: true, terminated: false });
    expect(await client.errorCode({ type: "step", session, tick: 3, tensors: { action: action(0) } })).toBe(
      "reset_needed",
    );
    const frames = byteTensor(new Uint8Array(48).fill(9), [1, 4, 4, 3]);
    expect(observationOf(await client.reset(session, { tensors: { frames } })).proprioception?.data[0]).toBe(9);
    await client.request("closed", { type: "close", session, tensors: {} });
    expect(Counter.open).toBe(0);
    expect(await client.errorCode({ type: "close", session, tensors: {} })).toBe("session_unknown");
  });

  it("answers errors with their code and goes on", async () => {
    const client = await connect(await start(), codec);
    const { session } = await client.open();
    await client.reset(session);
    const step = (tick: number, value: number): Unsent => ({
      type: "step",
      session,
      tick,
      tensors: { action: action(value) },
    });
    expect(await client.errorCode(step(1, Number.NaN))).toBe("action_not_finite");
    expect(await client.errorCode(step(1, 2))).toBe("action_out_of_range");
    expect(await client.errorCode(step(2, 0))).toBe("tick_out_of_order");
    expect(await client.errorCode(step(0, 0))).toBe("tick_out_of_order");
    expect(await client.errorCode({ type: "open", world: "mars", tensors: {} })).toBe("request_unknown_world");
    client.send({ type: "pong", id: 1, tensors: {} });
    expect(await client.takeType("error")).toMatchObject({ code: "message_unexpected_type" });
    expect((await client.step(session, 1)).reward).toBe(3);
  });
});

describe("retries and order", () => {
  it("answers a repeated step from what it stored, and never steps twice", async () => {
    const client = await connect(await start({ maxInFlight: 3 }));
    const { session } = await client.open();
    await client.reset(session);
    for (let tick = 1; tick <= 5; tick++) await client.step(session, tick, tick / 10);
    const steps = Counter.steps;
    expect(await client.step(session, 5, 0.5)).toMatchObject({ tick: 5, info: { tick: 5 } });
    expect(await client.step(session, 3, 0.3)).toMatchObject({ tick: 3, info: { tick: 3 } });
    expect(Counter.steps).toBe(steps);
    const other: Unsent = { type: "step", session, tick: 5, tensors: { action: action(0.1) } };
    expect(await client.request("error", other)).toMatchObject({
      code: "tick_out_of_order",
      facts: { expected: 6, got: 5 },
    });
    const old: Unsent = { type: "step", session, tick: 2, tensors: { action: action(0.2) } };
    expect(await client.errorCode(old)).toBe("tick_out_of_order");
    expect(await client.errorCode({ ...other, nfe: 4 } as Unsent)).toBe("tick_out_of_order");
    expect((await client.step(session, 6)).tick).toBe(6);
  });

  it("runs pipelined steps in order, up to its limit", async () => {
    const client = await connect(await start({ maxInFlight: 4 }));
    const { session } = await client.open();
    await client.reset(session);
    const gate = resolvers();
    Counter.gate = gate.promise;
    const replies = [1, 2, 3, 4].map((tick) => client.step(session, tick));
    const fifth: Unsent = { type: "step", session, tick: 5, tensors: { action: action(0) } };
    expect(await client.errorCode(fifth)).toBe("request_over_limit");
    gate.resolve();
    expect((await Promise.all(replies)).map(({ tick, reward }) => [tick, reward])).toEqual([
      [1, 3],
      [2, 6],
      [3, 9],
      [4, 12],
    ]);
  });

  it("cancels what has not begun, refuses an id in use", async () => {
    const client = await connect(await start());
    const { session } = await client.open();
    await client.reset(session);
    const gate = resolvers();
    Counter.gate = gate.promise;
    const step = (id: number, tick: number): Message => ({
      type: "step",
      id,
      session,
      tick,
      tensors: { action: action(0.5) },
    });
    client.send(step(101, 1));
    client.send(step(102, 2));
    client.send(step(102, 3));
    expect(await client.takeType("error")).toMatchObject({ code: "request_id_in_use", facts: { id: 102 } });
    expect(await client.request("cancelled", { type: "cancel", target: 102, tensors: {} })).toMatchObject({
      removed: true,
    });
    expect(await client.takeType("error")).toMatchObject({ id: 102, code: "request_cancelled" });
    expect(await client.request("cancelled", { type: "cancel", target: 101, tensors: {} })).toMatchObject({
      removed: false,
    });
    gate.resolve();
    expect(await client.takeType("stepped")).toMatchObject({ id: 101, tick: 1 });
    expect((await client.step(session, 2)).tick).toBe(2);
  });

  it("hides the failure of a world, and keeps the session", async () => {
    const client = await connect(await start());
    const { session } = await client.open();
    await client.reset(session, { task: "crash" });
    const error = await client.request("error", { type: "step", session, tick: 1, tensors: { action: action(0) } });
    expect(error).toMatchObject({ code: "internal", session });
    expect(JSON.stringify(error)).not.toContain("bug");
    await client.reset(session);
    expect((await client.step(session, 1)).tick).toBe(1);
  });
});

describe("a lost connection", () => {
  it("is resumed at the last committed tick, which the running step still reaches", async () => {
    const server = await start({ maxInFlight: 4 });
    const lost = await connect(server);
    const { session, token } = await lost.open();
    await lost.reset(session, { seed: 1 });
    await lost.step(session, 1);
    const gate = resolvers();
    Counter.gate = gate.promise;
    for (const [id, tick] of [[11, 2] as const, [12, 3] as const]) {
      lost.send({ type: "step", id, session, tick, tensors: { action: action(0.5) } });
    }
    await lost.settle();
    lost.socket.terminate();

    const client = await connect(server, protobufCodec);
    expect(await client.errorCode({ type: "resume", session, token: `${token}x`, tensors: {} })).toBe(
      "session_unknown",
    );
    expect(await client.errorCode({ type: "reset", session, tensors: {} })).toBe("session_not_owned");
    const resumed = client.request("resumed", { type: "resume", session, token, tensors: {} });
    await client.settle();
    gate.resolve();
    expect(await resumed).toMatchObject({ tick: 2, ended: false, world: "counter" });
    const steps = Counter.steps;
    expect((await client.step(session, 2)).reward).toBe(7);
    expect(Counter.steps).toBe(steps);
    expect((await client.step(session, 3)).reward).toBe(10);
  });

  it("changes hands on resume, and tells the old owner", async () => {
    const server = await start();
    const [old, client] = [await connect(server), await connect(server)];
    const { session, token } = await old.open();
    const resumed = await client.request("resumed", { type: "resume", session, token, tensors: {} });
    expect(resumed.tick).toBeUndefined();
    expect(await old.takeType("error")).toMatchObject({ session, code: "session_taken_over" });
    expect(await old.errorCode({ type: "reset", session, tensors: {} })).toBe("session_not_owned");
    old.socket.close();
    await old.closed();
    await client.reset(session);
  });

  it("ends a session after its idle time", async () => {
    const server = await start({ sessionIdleSeconds: 0.05 });
    const lost = await connect(server);
    const { session, token } = await lost.open();
    lost.socket.terminate();
    const client = await connect(server);
    await expect.poll(() => Counter.open).toBe(0);
    expect(await client.errorCode({ type: "resume", session, token, tensors: {} })).toBe("session_unknown");
  });

  it("is cut when it stops answering pings", async () => {
    const server = await start({ keepAliveSeconds: 0.05, sessionIdleSeconds: 0 });
    const client = await connect(server);
    await client.open();
    client.socket.pause();
    await expect.poll(() => Counter.open).toBe(0);
    const [live] = [await connect(server)];
    await new Promise((resolve) => setTimeout(resolve, 250));
    await live.settle();
  });
});

describe("streams", () => {
  async function watched(policy: "latest" | "block" | "drop", credit: number, every?: number) {
    const server = await start();
    const [owner, watcher] = [await connect(server), await connect(server, protobufCodec)];
    const { session, token } = await owner.open();
    const subscribe = { type: "subscribe", session, token, policy, credit, tensors: {} } as const;
    const { stream } = await watcher.request("subscribed", every ? { ...subscribe, every } : subscribe);
    await owner.reset(session);
    return { owner, watcher, session, token, stream };
  }

  it("latest keeps the newest tick until there is credit", async () => {
    const { owner, watcher, session, stream } = await watched("latest", 2);
    for (let tick = 1; tick <= 5; tick++) await owner.step(session, tick);
    expect((await frames(watcher, 2)).map(({ tick, dropped }) => [tick, dropped])).toEqual([
      [0, 0],
      [1, 0],
    ]);
    await watcher.settle();
    expect(watcher.messages).toEqual([]);
    watcher.send({ type: "credit", stream, credit: 2, tensors: {} });
    const [frame] = await frames(watcher, 1);
    expect(frame).toMatchObject({ stream, tick: 5, dropped: 3, reward: 15, info: { tick: 5 } });
    await owner.step(session, 6);
    expect((await frames(watcher, 1))[0]).toMatchObject({ tick: 6, dropped: 0 });
  });

  it("drop drops without credit", async () => {
    const { owner, watcher, session, stream } = await watched("drop", 1);
    for (let tick = 1; tick <= 3; tick++) await owner.step(session, tick);
    watcher.send({ type: "credit", stream, credit: 5, tensors: {} });
    await watcher.settle();
    await owner.step(session, 4);
    expect((await frames(watcher, 2)).map(({ tick, dropped }) => [tick, dropped])).toEqual([
      [0, 0],
      [4, 3],
    ]);
  });

  it("block holds the session until there is credit or the watcher leaves", async () => {
    const { owner, watcher, session, stream } = await watched("block", 2);
    await owner.step(session, 1);
    let done = false;
    const second = owner.step(session, 2).finally(() => {
      done = true;
    });
    await owner.settle();
    await watcher.settle();
    expect(done).toBe(false);
    watcher.send({ type: "credit", stream, credit: 1, tensors: {} });
    expect((await second).tick).toBe(2);
    expect((await frames(watcher, 3)).map(({ tick }) => tick)).toEqual([0, 1, 2]);
    const third = owner.step(session, 3);
    await owner.settle();
    watcher.socket.terminate();
    expect((await third).tick).toBe(3);
  });

  it("sends every nth tick and the last, ends with the session, ignores late credit", async () => {
    const { owner, watcher, session, stream } = await watched("drop", 100, 3);
    await owner.reset(session, { maxTicks: 5 });
    for (let tick = 1; tick <= 5; tick++) await owner.step(session, tick);
    expect((await frames(watcher, 4)).map(({ tick }) => tick)).toEqual([0, 0, 3, 5]);
    await owner.request("closed", { type: "close", session, tensors: {} });
    expect(await watcher.takeType("streamEnded")).toMatchObject({ stream });
    watcher.send({ type: "credit", stream, credit: 1, tensors: {} });
    await watcher.request("unsubscribed", { type: "unsubscribe", stream, tensors: {} });
    watcher.send({ type: "credit", stream: stream + 1, credit: 1, tensors: {} });
    expect(await watcher.takeType("error")).toMatchObject({ code: "stream_unknown" });
    expect(await watcher.errorCode({ type: "unsubscribe", stream: 99, tensors: {} })).toBe("stream_unknown");
  });

  it("leaves out ticks for a watcher that doesn't read, and catches up with the newest", async () => {
    const { owner, watcher, session } = await watched("latest", 1000);
    await frames(watcher, 1);
    await owner.reset(session, { task: "big" });
    watcher.socket.pause();
    for (let tick = 1; tick <= 100; tick++) await owner.step(session, tick);
    watcher.socket.resume();
    const seen = [];
    do seen.push(await watcher.takeType("frame"));
    while (seen.at(-1)?.tick !== 100);
    const dropped = seen.reduce((sum, frame) => sum + frame.dropped, 0);
    expect(dropped).toBeGreaterThan(30);
    expect(seen.length + dropped).toBe(101);
  });

  it("stops on unsubscribe, and needs the token", async () => {
    const { owner, watcher, session, token, stream } = await watched("drop", 100);
    await watcher.request("unsubscribed", { type: "unsubscribe", stream, tensors: {} });
    await frames(watcher, 1);
    await owner.step(session, 1);
    await watcher.settle();
    expect(watcher.messages).toEqual([]);
    const subscribe = { type: "subscribe", session, policy: "drop", credit: 1, tensors: {} } as const;
    expect(await watcher.errorCode({ ...subscribe, token: "x" })).toBe("session_unknown");
    expect(await watcher.errorCode({ ...subscribe, token, every: 0 })).toBe("message_field_invalid");
  });
});

describe("a client that doesn't read its replies", () => {
  it("is not read any more while megabytes wait for it, and goes on when it reads", async () => {
    const client = await connect(await start({ maxInFlight: 200 }));
    const { session } = await client.open();
    await client.reset(session, { task: "big" });
    const before = Counter.steps;
    client.socket.pause();
    const replies: Promise<{ tick: number }>[] = [];
    for (let tick = 1; tick <= 150; tick++) {
      replies.push(client.step(session, tick));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const madeUnread = Counter.steps - before;
    client.socket.resume();
    expect((await Promise.all(replies)).map(({ tick }) => tick)).toEqual(replies.map((_, i) => i + 1));
    expect(madeUnread).toBeLessThan(100);
  });
});

describe("admission", () => {
  it("refuses sessions and streams over its limits", async () => {
    const client = await connect(await start({ maxSessions: 1, maxStreams: 1 }));
    const { session, token } = await client.open();
    expect(await client.errorCode({ type: "open", world: "counter", tensors: {} })).toBe("capacity_sessions");
    const subscribe: Unsent = { type: "subscribe", session, token, policy: "drop", credit: 1, tensors: {} };
    await client.request("subscribed", subscribe);
    expect(await client.errorCode(subscribe)).toBe("stream_over_limit");
    await client.request("closed", { type: "close", session, tensors: {} });
    await client.open();
  });

  it("closes 1009 on a message that is too big, 1003 on text, 1007 on garbage", async () => {
    const server = await start({ maxMessageBytes: 4096 });
    const big = await connect(server);
    big.socket.send(new Uint8Array(4097));
    expect(await big.closed()).toBe(1009);
    const text = await connect(server);
    text.socket.send("reset");
    expect(await text.takeType("error")).toMatchObject({ code: "message_text" });
    expect(await text.closed()).toBe(1003);
    const garbage = await connect(server);
    garbage.socket.send(new Uint8Array(64).fill(0xff));
    expect(await garbage.takeType("error")).toMatchObject({ code: "message_malformed" });
    expect(await garbage.closed()).toBe(1007);
  });

  it("refuses handshakes without a subprotocol of ours, or from another origin", async () => {
    const server = await start({}, { allowedOrigins: ["http://good"] });
    const status = async (protocols: string[], origin?: string) => {
      const socket = new WebSocket(server.url.replace("http", "ws"), protocols, origin ? { origin } : {});
      const [, response] = await once(socket, "unexpected-response");
      socket.on("error", () => {});
      socket.terminate();
      return response.statusCode;
    };
    expect(await status([])).toBe(400);
    expect(await status(["worldstep.v2.msgpack"])).toBe(400);
    expect(await status([msgpackCodec.subprotocol], "http://evil")).toBe(403);
    const both = new WebSocket(server.url.replace("http", "ws"), ["x", protobufCodec.subprotocol], {
      origin: "http://good",
    });
    await once(both, "open");
    expect(both.protocol).toBe(protobufCodec.subprotocol);
    both.terminate();
  });

  it("refuses bad options", async () => {
    await expect(start({ maxSessions: 0 })).rejects.toThrow(/option_limits/);
    await expect(start({}, { worlds: [] })).rejects.toThrow(/option_worlds/);
  });

  it("closes sockets with 1001 when it shuts down, while a step runs", async () => {
    const server = await start();
    const client = await connect(server);
    const { session } = await client.open();
    await client.reset(session);
    const gate = resolvers();
    Counter.gate = gate.promise;
    const step = client.step(session, 1);
    await client.settle();
    const closed = server.close();
    gate.resolve();
    expect((await step).tick).toBe(1);
    await closed;
    expect(await client.closed()).toBe(1001);
    expect(Counter.open).toBe(0);
  });
});

describe("HTTP", () => {
  it("serves health, metrics and the files of one folder only", async () => {
    const dir = await mkdtemp(join(tmpdir(), "worldstep-"));
    const outside = await mkdtemp(join(tmpdir(), "worldstep-"));
    await writeFile(join(dir, "index.html"), "<p>console</p>");
    await writeFile(join(dir, "app.js"), "");
    await writeFile(join(outside, "secret"), "secret");
    await symlink(join(outside, "secret"), join(dir, "link"));
    const server = await start({}, { staticDir: dir });
    const client = await connect(server);
    const { session } = await client.open();
    await client.reset(session);
    await client.step(session, 1);

    expect(await (await fetch(`${server.url}healthz`)).text()).toBe("ok\n");
    const metrics = await (await fetch(`${server.url}metrics`)).text();
    expect(metrics).toContain("worldstep_sessions 1");
    expect(metrics).toContain('worldstep_steps_total{world="counter"} 1');
    const page = await fetch(server.url);
    expect([page.headers.get("content-type"), await page.text()]).toEqual([
      "text/html; charset=utf-8",
      "<p>console</p>",
    ]);
    expect((await fetch(`${server.url}app.js`)).headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    expect((await fetch(server.url, { method: "POST" })).status).toBe(405);
    const name = outside.split("/").pop();
    const bad = [
      `/../${name}/secret`,
      `/%2e%2e/${name}/secret`,
      `/..%2f${name}%2fsecret`,
      "/link",
      "/%00",
      "/%",
      "/none/",
    ];
    for (const path of bad) expect([path, await statusOf(server, path)]).toEqual([path, 404]);
  });
});

/** The status of a GET whose path is sent as it is (`fetch` would tidy it). */
async function statusOf(server: RunningServer, path: string): Promise<number | undefined> {
  const get = request({ port: server.port, path }).end();
  const [response] = await once(get, "response");
  response.resume();
  return response.statusCode;
}

describe.each([msgpackCodec, protobufCodec])("10,000 broken messages over $subprotocol", (codec) => {
  it("are each answered or closed cleanly, and touch no other session", async () => {
    const server = await start({ maxMessageBytes: 8192, sessionIdleSeconds: 0 });
    const good = await connect(server);
    const { session } = await good.open();
    await good.reset(session);

    const random = randomNumbers(1);
    let client = await connect(server, codec);
    const valid: ClientMessage[] = [
      { type: "open", id: 1, world: "mars", tensors: {} },
      { type: "reset", id: 2, session, seed: 3, tensors: {} },
      { type: "step", id: 3, session, tick: 1, tensors: { action: action(0.5) } },
      { type: "subscribe", id: 4, session, token: "x", policy: "latest", credit: 1, tensors: {} },
      { type: "credit", stream: 1, credit: 1, tensors: {} },
      { type: "resume", id: 5, session, token: "x", tensors: {} },
    ];
    const encoded = valid.map((message) => encodeMessage(codec, message));
    let tick = 0;
    let answers = 0;
    let closes = 0;
    for (let i = 0; i < 10_000; i++) {
      client.socket.send(broken(encoded, random, i));
      // The reply to a ping says that the socket lives and that the broken message was answered before it.
      const outcome = await Promise.race([client.settle().then(() => 0), client.closed()]).catch(() => client.closed());
      answers += client.messages.length;
      for (const message of client.messages.splice(0)) expect(message.type).toBe("error");
      if (outcome !== 0) {
        expect([1003, 1007, 1009]).toContain(outcome);
        closes += 1;
        clients.splice(clients.indexOf(client), 1);
        client = await connect(server, codec);
      }
      if (i % 1000 === 999) {
        tick += 1;
        expect(await good.step(session, tick)).toMatchObject({ tick, reward: 3 * tick });
      }
    }
    expect(closes).toBeGreaterThan(1000);
    expect(answers).toBeGreaterThan(5000);
    expect((await fetch(`${server.url}healthz`)).status).toBe(200);
  });
});

/** The `i`th broken message: cut, mutated, random, too big, or with a wrong header length. */
function broken(encoded: readonly Uint8Array[], random: (below: number) => number, i: number): Uint8Array {
  const bytes = (encoded[random(encoded.length)] as Uint8Array).slice();
  switch (i % 5) {
    case 0:
      return bytes.subarray(0, random(bytes.length));
    case 1:
    case 2:
      for (let edits = 1 + random(3); edits > 0; edits--) bytes[4 + random(bytes.length - 4)] = random(256);
      return bytes;
    case 3:
      new DataView(bytes.buffer).setUint32(0, random(2) ? random(200) : random(2 ** 32), true);
      return bytes;
    default:
      return i % 500 === 4 ? new Uint8Array(8193) : Uint8Array.from({ length: random(128) }, () => random(256));
  }
}

/** Whole numbers in [0, below), the same ones for the same seed (a linear congruential generator's high bits). */
function randomNumbers(seed: number): (below: number) => number {
  let state = BigInt(seed);
  return (below) => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
    return Number(((state >> 32n) * BigInt(below)) >> 32n);
  };
}
