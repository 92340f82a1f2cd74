// A connection that is lost, and the session that outlives it.

import { byteTensor, protobufCodec } from "@worldstep/protocols";
import { describe, expect, it } from "vitest";
import {
  action,
  Counter,
  connect,
  resolvers,
  SPEC,
  start,
  type Unsent,
} from "../../../test/fixtures/counter-server.js";

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

  it("finds the replies that fit 2 MiB, and the last one with any length", async () => {
    const env = new Counter();
    const step = env.step.bind(env);
    env.step = async (...args) => {
      const result = await step(...args);
      const bytes = result.info.tick === 6 ? 3 * 2 ** 20 : 2 ** 19;
      return { ...result, observation: { ...result.observation, frames: byteTensor(new Uint8Array(bytes), [bytes]) } };
    };
    const client = await connect(await start({}, { worlds: [{ spec: SPEC, hash: "c0", open: async () => env }] }));
    const { session } = await client.open();
    await client.reset(session);
    for (const tick of [1, 2, 3, 4, 5]) await client.step(session, tick);
    const answers = async (ticks: number[]) => {
      const messages = ticks.map((tick): Unsent => ({ type: "step", session, tick, tensors: { action: action(0.5) } }));
      return Promise.all(messages.map((message) => client.ask(message).then(({ type }) => type)));
    };
    expect(await answers([1, 2, 3, 4, 5])).toEqual(["error", "error", "stepped", "stepped", "stepped"]);
    await client.step(session, 6);
    expect(await answers([5, 6])).toEqual(["error", "stepped"]);
    await client.step(session, 7);
    await client.step(session, 8);
    expect(await answers([6, 7, 8])).toEqual(["error", "stepped", "stepped"]);
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
