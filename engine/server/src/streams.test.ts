// Streams of ticks, and clients that read too slowly.

import { type FrameMessage, floatTensor, protobufCodec } from "@worldstep/protocols";
import { describe, expect, it } from "vitest";
import { type Client, Counter, connect, start } from "../../../test/fixtures/counter-server.js";

async function frames(client: Client, count: number): Promise<FrameMessage[]> {
  const taken: FrameMessage[] = [];
  while (taken.length < count) taken.push(await client.takeType("frame"));
  return taken;
}

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

  it("a watcher sees all of a tick whose owner asked for less", async () => {
    const { owner, watcher, session } = await watched("latest", 10);
    const action = floatTensor(new Float32Array(6), [2, 3]);
    const step = { type: "step", session, tick: 1, observe: ["state"], tensors: { action } } as const;
    const stepped = await owner.request("stepped", step);
    expect(Object.keys(stepped.tensors)).toEqual(["observation.proprioception"]);
    const [, frame] = await frames(watcher, 2);
    expect(Object.keys(frame?.tensors ?? {})).toEqual(["observation.frames", "observation.proprioception"]);
    expect(await owner.request("stepped", step)).toEqual({ ...stepped, id: expect.any(Number) });
    expect(await owner.ask({ ...step, observe: ["frames"] })).toMatchObject({ code: "tick_out_of_order" });
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

  it("block has all ticks of a chunk, as its credit allows, before the session goes on", async () => {
    const { owner, watcher, session, stream } = await watched("block", 3);
    await owner.stepChunk(session, 1, 4);
    const next = owner.step(session, 5);
    expect((await frames(watcher, 3)).map(({ tick }) => tick)).toEqual([0, 1, 2]);
    await watcher.settle();
    expect(watcher.messages).toEqual([]);
    watcher.send({ type: "credit", stream, credit: 1, tensors: {} });
    expect((await frames(watcher, 1)).map(({ tick }) => tick)).toEqual([3]);
    watcher.send({ type: "credit", stream, credit: 3, tensors: {} });
    expect((await next).tick).toBe(5);
    expect((await frames(watcher, 2)).map(({ tick, dropped }) => [tick, dropped])).toEqual([
      [4, 0],
      [5, 0],
    ]);
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

  it("is not cut while it takes what waits for it, however slowly", async () => {
    const client = await connect(await start({ maxInFlight: 200, keepAliveSeconds: 0.3 }));
    const { session } = await client.open();
    await client.reset(session, { task: "big" });
    client.socket.pause();
    const replies = Array.from({ length: 150 }, (_, i) => client.step(session, i + 1));
    let taken = 0;
    client.socket.on("message", () => {
      if (++taken % 4 === 0) client.socket.pause();
    });
    const slowly = setInterval(() => client.socket.resume(), 40);
    const all = Promise.all(replies).finally(() => clearInterval(slowly));
    expect(await all).toHaveLength(150);
  });
});
