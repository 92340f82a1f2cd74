// The server over real sockets: requests, retries, admission, HTTP.
import { once } from "node:events";
import { mkdtemp, symlink, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  byteTensor,
  floatTensor,
  type Message,
  msgpackCodec,
  observationOf,
  protobufCodec,
} from "@worldstep/protocols";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import {
  action,
  Counter,
  connect,
  resolvers,
  SPEC,
  start,
  type Unsent,
} from "../../../test/fixtures/counter-server.js";
import type { RunningServer } from "./server.js";

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

  it("makes a chunk once, ends it with its episode, and goes on behind it", async () => {
    const client = await connect(await start({ maxInFlight: 3 }));
    const { session } = await client.open();
    await client.reset(session, { maxTicks: 6 });
    const before = Counter.steps;
    const chunk = await client.stepChunk(session, 1, 4);
    expect(chunk).toMatchObject({ tick: 4, ticks: [3, 6, 9, 12].map((reward) => ({ reward, truncated: false })) });
    expect(chunk.tensors["observation.proprioception"]).toMatchObject({ shape: [4, 2] });
    expect(Array.from(chunk.tensors["observation.proprioception"]?.data ?? [])).toEqual([3, 1, 6, 2, 9, 3, 12, 4]);
    expect({ ...(await client.stepChunk(session, 1, 4)), id: chunk.id }).toEqual(chunk);
    expect(Counter.steps - before).toBe(4);
    const other = { type: "stepChunk", session, tick: 1 } as const;
    const actions = (shape: number[], value = 0.5) => ({
      actions: floatTensor(new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value), shape),
    });
    expect(await client.errorCode({ ...other, tensors: actions([3, 2, 3]) })).toBe("tick_out_of_order");
    expect(await client.errorCode({ ...other, tick: 5, tensors: actions([5, 2, 3]) })).toBe("action_chunk");
    expect(await client.errorCode({ ...other, tick: 5, tensors: actions([0, 2, 3]) })).toBe("action_chunk");
    const single: Unsent = { ...other, tick: 5, tensors: actions([2, 3]) };
    expect(await client.request("error", single)).toMatchObject({
      code: "action_shape",
      message: "expected a chunk of shape [K, 2, 3], got [2, 3]",
    });
    expect(await client.errorCode({ ...other, tick: 5, tensors: actions([2, 2, 3], 2) })).toBe("action_out_of_range");
    const last = await client.stepChunk(session, 5, 4);
    expect(last).toMatchObject({ tick: 6, ticks: [{ truncated: false }, { truncated: true }] });
    expect({ ...(await client.stepChunk(session, 5, 4)), id: last.id }).toEqual(last);
    const late = { type: "step", session, tick: 7, tensors: { action: action(0) } } as const;
    expect(await client.errorCode(late)).toBe("reset_needed");
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
