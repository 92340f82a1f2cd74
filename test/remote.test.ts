// The SDK against the real server, over real sockets, with both codecs: the same results as in this process, and no
// tick run twice or lost, wherever the connection breaks.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { byteTensor, floatTensor, type ResetOptions, stepChunk } from "@worldstep/protocols";
import {
  type Connection,
  type ConnectOptions,
  checkEnv,
  connect,
  type Env,
  type StepResult,
  VectorEnv,
} from "@worldstep/sdk";
import fc from "fast-check";
import { pino } from "pino";
import { firstValueFrom, lastValueFrom, take, toArray } from "rxjs";
import { afterEach, describe, expect, test } from "vitest";
import { type RunningServer, type ServeOptions, serve } from "../engine/server/src/server.js";
import { block, COUNTER_SPEC, type CounterOptions, CounterWorld } from "../sdk/test/counter-world.js";
import { type CuttingProxy, cuttingProxy } from "./cutting-proxy.js";
import { Counter, SPEC, start } from "./fixtures/counter-server.js";

const CODECS = ["msgpack", "protobuf"] as const;
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Bench {
  readonly server: RunningServer;
  readonly proxy: CuttingProxy;
  /** The envs behind the sessions, in the order in which they were opened. */
  readonly worlds: CounterWorld[];
  /** A connection through the proxy. */
  join(options?: ConnectOptions): Promise<Connection>;
}

async function bench(counter: CounterOptions = {}, limits: ServeOptions["limits"] = {}): Promise<Bench> {
  const worlds: CounterWorld[] = [];
  const open = async () => {
    const world = new CounterWorld(counter);
    worlds.push(world);
    return world;
  };
  const hosted = { spec: COUNTER_SPEC, hash: "counter-1", open };
  const server = await serve({ worlds: [hosted], logger: pino({ level: "silent" }), limits });
  closers.push(() => server.close());
  const proxy = await cuttingProxy(server.port);
  closers.push(() => proxy.close());
  const join = async (options?: ConnectOptions) => {
    const connection = await connect(proxy.url, options);
    closers.push(() => connection.close());
    return connection;
  };
  return { server, proxy, worlds, join };
}

const actionAt = (i: number) => block(Math.fround(Math.sin(i + 1)));

async function rollOut(env: Env, ticks: number, seed = 5): Promise<StepResult[]> {
  await env.reset({ seed, maxTicks: 0 });
  const results = [];
  for (let i = 0; i < ticks; i++) results.push(await env.step(actionAt(i)));
  return results;
}

const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
};

describe.each(CODECS)("over %s", (codec) => {
  test("the hello tells what the server hosts", async () => {
    const { join } = await bench();
    const connection = await join({ codec });
    expect(connection.worlds).toEqual([{ ...COUNTER_SPEC, hash: "counter-1" }]);
    expect(connection.hello.autoresetModes).toEqual(["Disabled"]);
  });

  test("an env passes checkEnv", async () => {
    const { join } = await bench();
    const connection = await join({ codec });
    const report = await checkEnv(() => connection.open());
    expect(report.ok).toBe(true);
  });

  test("results are those of the same env in this process, bit for bit", async () => {
    const { join } = await bench();
    const env = await (await join({ codec })).open("counter");
    expect(await rollOut(env, 10)).toEqual(await rollOut(new CounterWorld(), 10));
    expect(env.serverMs).toBeGreaterThan(0);
  });

  test.each([
    "NextStep",
    "SameStep",
    "Disabled",
  ] as const)("a vector of 8, %s, is that of local envs", async (autoreset) => {
    const { join } = await bench();
    const remote = await (await join({ codec })).vector("counter", 8, { autoreset });
    const local = new VectorEnv(
      Array.from({ length: 8 }, () => new CounterWorld()),
      { autoreset },
    );
    const options = Array.from({ length: 8 }, (_, i) => ({ maxTicks: 1 + (i % 3) }));
    expect(await remote.reset({ seed: 3, options })).toEqual(await local.reset({ seed: 3, options }));
    for (let tick = 0; tick < 8; tick++) {
      const actions = Array.from({ length: 8 }, (_, i) => actionAt(8 * tick + i));
      const result = await remote.step(actions);
      expect(result).toEqual(await local.step(actions));
      const mask = Array.from(result.truncated, Boolean);
      if (autoreset === "Disabled" && mask.includes(true)) {
        expect(await remote.reset({ mask })).toEqual(await local.reset({ mask }));
      }
    }
    await remote.close();
  });

  test("streams show remote ticks, and a rollout is stepped with back-pressure", async () => {
    const { join, worlds } = await bench();
    const env = await (await join({ codec })).open();
    const frames = firstValueFrom(env.frames$.pipe(take(9), toArray()));
    await env.reset({ seed: 1 });
    const results = await lastValueFrom(env.rollout([0, 1, 2, 3, 4, 5, 6].map(actionAt)).pipe(toArray()));
    expect(results.map(({ truncated }) => truncated)).toEqual([false, false, false, false, true]);
    expect((await frames).map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(worlds[0]?.maxInFlight).toBe(1);
  });

  test("errors are the server's, of their class, and leave the env usable", async () => {
    const { join } = await bench();
    const connection = await join({ codec });
    await expect(connection.open("nowhere")).rejects.toMatchObject({ code: "request_unknown_world" });
    const env = await connection.open();
    await expect(env.step(block(0))).rejects.toMatchObject({ name: "ResetNeededError" });
    await expect(env.reset({ task: "fly" })).rejects.toMatchObject({ name: "OptionError", code: "option_task" });
    await env.reset({ maxTicks: 1 });
    await env.step(block(0));
    await expect(env.step(block(0))).rejects.toMatchObject({ code: "reset_needed", facts: { why: "episode_ended" } });
    await env.close();
    await expect(env.reset()).rejects.toMatchObject({ code: "env_closed" });
  });

  test("wherever the connection is cut, every tick is run once and every reply arrives", async () => {
    const ticks = 12;
    const expected = await rollOut(new CounterWorld(), ticks);
    const { join, proxy, worlds } = await bench();
    const cuts = fc.array(fc.integer({ min: 1, max: 6000 }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(cuts, async (bytes) => {
        proxy.plan([]);
        const connection = await join({ codec });
        const env = await connection.open();
        const world = worlds.at(-1) as CounterWorld;
        // The plan counts from the next connections on; the present one is cut in the middle of the rollout.
        proxy.plan(bytes);
        const results = rollOut(env, ticks);
        await until(() => world.tick >= 2);
        proxy.cut();
        expect(await results).toEqual(expected);
        expect(world.actionsTaken).toEqual(Array.from({ length: ticks }, (_, i) => actionAt(i)[0]));
        await connection.close();
      }),
      { numRuns: 15 },
    );
  });
});

describe("a lost connection", () => {
  test("in the middle of a step of 8 envs: all are resumed, none steps twice", async () => {
    const { join, proxy, worlds } = await bench({ delayMs: 20 });
    const vector = await (await join()).vector("counter", 8);
    await vector.reset({ seed: 1, options: { maxTicks: 0 } });
    for (let tick = 0; tick < 5; tick++) {
      const step = vector.step(Array.from({ length: 8 }, () => actionAt(tick)));
      await until(() => worlds.every(({ inFlight }) => inFlight === 1));
      proxy.cut();
      await step;
    }
    expect(proxy.connections).toBe(6);
    for (const { actionsTaken } of worlds) expect(actionsTaken).toEqual([0, 1, 2, 3, 4].map((i) => actionAt(i)[0]));
  });

  test("calls wait while there is no server to reach, and go on when there is", async () => {
    const { join, proxy } = await bench();
    const env = await (await join()).open();
    await env.reset({ seed: 1 });
    proxy.accepting = false;
    proxy.cut();
    const step = env.step(block(0));
    await new Promise((resolve) => setTimeout(resolve, 150));
    proxy.accepting = true;
    expect((await step).info).toEqual({ tick: 1 });
  });

  test("rejects with connection_lost when the time to reconnect is over, or is none", async () => {
    for (const reconnectMs of [0, 100]) {
      const { join, proxy } = await bench();
      const connection = await join({ reconnectMs });
      const env = await connection.open();
      await env.reset({ seed: 1 });
      proxy.accepting = false;
      proxy.cut();
      await expect(env.step(block(0))).rejects.toMatchObject({ name: "ProtocolError", code: "connection_lost" });
      await expect(connection.open()).rejects.toMatchObject({ code: "connection_lost" });
      await env.close();
    }
  });

  test("a lost connection is not put down to what the server said long before", async () => {
    const { join, proxy } = await bench();
    const [connection, other] = [await join({ reconnectMs: 0 }), await join()];
    const taken = await connection.open();
    await other.resume(taken);
    const env = await connection.open();
    await expect(taken.reset()).rejects.toMatchObject({ code: "session_taken_over" });
    proxy.cut();
    const error = await env.reset({ seed: 1 }).catch((reason: unknown) => reason as Error);
    expect(error).toMatchObject({ code: "connection_lost", cause: undefined });
  });

  test("one session that can't be closed leaves no socket open", async () => {
    const { join, worlds } = await bench();
    const connection = await join();
    await connection.open();
    Object.assign(worlds[0] as CounterWorld, { close: () => Promise.reject(new Error("stuck")) });
    await expect(connection.close()).rejects.toMatchObject({ code: "internal" });
    await expect(connection.open()).rejects.toMatchObject({ code: "connection_lost" });
  });

  test("a reset without a seed that may have been run is not run again in silence", async () => {
    const { join, proxy, worlds } = await bench();
    const env = await (await join()).open();
    await env.reset({ seed: 1 });
    await env.step(block(0));
    // The session is still at its old tick after the reconnect: the reset was not run, and may be sent again.
    proxy.cut();
    expect((await env.reset()).info.tick).toBe(0);
    // Now it was run, and its reply is lost.
    await env.step(block(0));
    proxy.loseReplies();
    const reset = env.reset();
    await until(() => worlds[0]?.tick === 0);
    proxy.cut();
    await expect(reset).rejects.toMatchObject({ code: "connection_lost" });
    await expect(env.step(block(0))).rejects.toMatchObject({ code: "reset_needed" });
    expect((await env.reset()).info.tick).toBe(0);
  });

  test("a session that the server has given up says so, and the connection goes on", async () => {
    const { join, proxy } = await bench({}, { sessionIdleSeconds: 0.05 });
    const connection = await join({ reconnectMs: 5000 });
    const env = await connection.open();
    await env.reset({ seed: 1 });
    proxy.accepting = false;
    proxy.cut();
    await new Promise((resolve) => setTimeout(resolve, 200));
    proxy.accepting = true;
    await expect(env.step(block(0))).rejects.toMatchObject({ code: "session_unknown" });
    await env.close();
    expect((await (await connection.open()).reset({ seed: 1 })).info.tick).toBe(0);
  });

  test("a silent server is as good as a lost one", async () => {
    const { join, proxy, worlds } = await bench({ delayMs: 300 }, { keepAliveSeconds: 0.1 });
    const env = await (await join()).open();
    await env.reset({ seed: 1 });
    proxy.silence();
    expect((await env.step(block(0.5))).info).toEqual({ tick: 1 });
    expect(worlds[0]?.actionsTaken).toEqual([0.5]);
    expect(proxy.connections).toBe(2);
  });
});

describe("large messages", () => {
  const frames = (count: number) => byteTensor(new Uint8Array(count * 64 * 64 * 3).fill(7), [count, 64, 64, 3]);
  const actions = (count: number) => floatTensor(new Float32Array(((count - 1) / 2) * 6), [(count - 1) / 2, 2, 3]);

  async function slow(rate: number, options?: ConnectOptions) {
    const server = await start({ keepAliveSeconds: 0.3 });
    const proxy = await cuttingProxy(server.port);
    closers.push(() => proxy.close());
    const connection = await connect(proxy.url, options);
    closers.push(() => connection.close());
    const env = await connection.open();
    proxy.rate = rate;
    return { proxy, env };
  }

  test("take their time on a slow network, out and back", async () => {
    const up = await slow(400_000);
    await up.env.reset({ frames: frames(41), actions: actions(41) });
    expect(up.proxy.connections).toBe(1);
    const down = await slow(400_000);
    await down.env.reset({ task: "big" });
    expect(down.proxy.connections).toBe(1);
  });

  test("may be sent on many sockets, and leave nothing behind on the way", async () => {
    const { proxy, env } = await slow(1_000_000);
    const warnings: Error[] = [];
    const warned = (warning: Error) => void warnings.push(warning);
    process.on("warning", warned);
    const reset = env.reset({ seed: 1, frames: frames(41), actions: actions(41) });
    for (let lost = 1; lost <= 12; lost++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      proxy.cut();
      await until(() => proxy.connections === lost + 1);
    }
    proxy.rate = Number.POSITIVE_INFINITY;
    expect((await reset).observation.proprioception.data[0]).toBe(7);
    process.off("warning", warned);
    expect(warnings).toEqual([]);
  });

  test("wait for each other where the server would have too many of them", async () => {
    class Slow extends Counter {
      override async reset(options?: ResetOptions) {
        await new Promise((resolve) => setTimeout(resolve, 30));
        return super.reset(options);
      }
    }
    const worlds = [{ spec: SPEC, hash: "c0", open: async () => new Slow() }];
    const server = await start({ maxQueuedBytes: 600_000 }, { worlds });
    const connection = await connect(server.url.replace("http", "ws"));
    closers.push(() => connection.close());
    const vector = await connection.vector("counter", 8);
    const options = { frames: frames(21), actions: actions(21) };
    const { observations } = await vector.reset({ options });
    expect(Array.from(observations.proprioception.data)).toEqual(Array(8).fill([7, 0]).flat());
  });

  test("are what they were when the call was made", async () => {
    const server = await start();
    const connection = await connect(server.url.replace("http", "ws"));
    closers.push(() => connection.close());
    const [env, vector] = [await connection.open(), await connection.vector("counter", 2)];
    const image = frames(1);
    const resets = [env.reset({ seed: 1 }), env.reset({ frames: image })] as const;
    const both = vector.reset({ seed: [1, 2], options: { frames: image } });
    image.data.fill(9);
    expect((await resets[1]).observation.proprioception.data[0]).toBe(7);
    expect(Array.from((await both).observations.proprioception.data)).toEqual([7, 0, 7, 0]);
  });
});

describe("sessions that the server has given up", () => {
  test.each(["idle", "unknown"])("are opened anew by a reset: %s", async (why) => {
    const limits = why === "idle" ? { maxIdleSeconds: 0.05 } : { sessionIdleSeconds: 0.02 };
    const { join, proxy, worlds } = await bench({}, limits);
    const connection = await join({ reconnectMs: 5000 });
    const [env, vector] = [await connection.open(), await connection.vector("counter", 2)];
    const expected = await env.reset({ seed: 1 });
    await vector.reset({ seed: 1 });
    const { session } = env;
    proxy.accepting = why === "idle";
    if (why === "unknown") proxy.cut();
    await new Promise((resolve) => setTimeout(resolve, 200));
    proxy.accepting = true;
    await expect(env.step(block(0))).rejects.toMatchObject({ code: `session_${why}` });
    const failed = vector.step([block(0), block(0)]);
    await expect(failed).rejects.toMatchObject({ code: `session_${why}`, facts: { failed: [0, 1] } });
    expect(await env.reset({ seed: 1 })).toEqual(expected);
    expect((await vector.reset({ seed: 1 })).infos).toEqual([expected.info, expected.info]);
    expect(env.session).not.toBe(session);
    expect((await env.step(block(0))).info).toEqual({ tick: 1 });
    expect(worlds.length).toBe(6);
  });

  test("not one that another connection took over", async () => {
    const { join } = await bench();
    const [first, second] = [await join(), await join()];
    const env = await first.open();
    await second.resume(env);
    await expect(env.reset({ seed: 1 })).rejects.toMatchObject({ code: "session_taken_over" });
  });
});

describe("sessions and their keys", () => {
  test("another connection takes a session over at its last tick; the first is told", async () => {
    const { join } = await bench();
    const [first, second] = [await join(), await join()];
    const env = await first.open();
    await env.reset({ seed: 1, maxTicks: 0 });
    await env.step(actionAt(0));
    const taken = await second.resume(env);
    expect((await taken.step(actionAt(1))).info).toEqual({ tick: 2 });
    await expect(env.step(actionAt(2))).rejects.toMatchObject({ code: "session_taken_over" });
    await expect(second.resume({ session: env.session, token: "guess" })).rejects.toMatchObject({
      code: "session_unknown",
    });
  });

  test("a session is watched from another connection, with a gap where the socket was lost", async () => {
    const { join, proxy, server } = await bench();
    const env = await (await connectDirectly(server)).open();
    const watcher = await join();
    const seen: number[] = [];
    const ended = new Promise<void>((resolve, reject) => {
      watcher.watch(env, { policy: "drop", credit: 8 }).subscribe({
        next: ({ tick }) => seen.push(tick),
        complete: resolve,
        error: reject,
      });
    });
    await watcherReady(watcher);
    await env.reset({ seed: 1, maxTicks: 0 });
    await env.step(actionAt(0));
    await until(() => seen.length === 2);
    proxy.cut();
    await env.step(actionAt(1));
    await until(() => proxy.connections === 2);
    await watcherReady(watcher);
    await env.step(actionAt(2));
    await until(() => seen.length === 3);
    await env.close();
    await ended;
    expect(seen).toEqual([0, 1, 3]);
  });

  test("a blocking watcher sees every tick, at its own pace", async () => {
    const { join } = await bench();
    const connection = await join();
    const env = await connection.open();
    const seen: number[] = [];
    let busy = 0;
    let most = 0;
    const pace = async () => {
      most = Math.max(most, ++busy);
      await new Promise((resolve) => setTimeout(resolve, 5));
      busy -= 1;
    };
    const ended = new Promise<void>((resolve, reject) => {
      connection.watch(env, { policy: "block", credit: 1, pace }).subscribe({
        next: ({ tick, dropped }) => seen.push(tick + 100 * dropped),
        complete: resolve,
        error: reject,
      });
    });
    await watcherReady(connection);
    await rollOut(env, 8);
    await env.close();
    await ended;
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(most).toBe(1);
  });

  test("an unknown session, and bad options, are the watcher's error", async () => {
    const { join } = await bench();
    const connection = await join();
    const stranger = connection.watch({ session: "nobody", token: "" });
    await expect(lastValueFrom(stranger)).rejects.toMatchObject({ code: "session_unknown" });
    expect(() => connection.watch({ session: "", token: "" }, { credit: 0 })).toThrow("option_watch");
  });
});

describe("connecting", () => {
  test.each([
    [401, /its token/, /token/],
    [403, /this site/, /--allow-origin/],
    [421, /that name/, /--allow-origin .* --token/],
    [503, /too many connections/, /later/],
    [404, /response: 404/, /address/],
  ])("refused with HTTP %i says why and what to do", async (status, summary, remedy) => {
    const refusing = createServer().on("upgrade", (_, socket) => {
      socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
    });
    await new Promise<void>((resolve) => refusing.listen(0, "127.0.0.1", resolve));
    closers.push(async () => void refusing.close());
    const url = `ws://127.0.0.1:${(refusing.address() as AddressInfo).port}/401`;
    const error = await connect(url).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: "connection_refused",
      facts: { status },
      summary: expect.stringMatching(summary),
      remedy: expect.stringMatching(remedy),
    });
  });

  test("nobody there, or no worldstep server, is connection_refused", async () => {
    const { server } = await bench();
    await server.close();
    await expect(connect(`ws://127.0.0.1:${server.port}`)).rejects.toMatchObject({ code: "connection_refused" });
  });

  test("a server that does not answer in time is request_timeout; the retry steps once in all", async () => {
    const { join, worlds } = await bench({ delayMs: 100 });
    const env = await (await join({ timeoutMs: 60 })).open();
    await env.reset({ seed: 1 });
    await expect(env.step(block(0.5))).rejects.toMatchObject({ code: "request_timeout" });
    expect((await env.step(block(0.5))).info).toEqual({ tick: 1 });
    expect(worlds[0]?.actionsTaken).toEqual([0.5]);
  });

  test("a chunk that was given up before it began is not run", async () => {
    const server = await start();
    const connection = await connect(server.url.replace("http", "ws"), { timeoutMs: 100 });
    closers.push(() => connection.close());
    const env = await connection.open();
    const watching = connection.watch(env, { policy: "block", credit: 1, pace: () => new Promise(() => {}) });
    const watcher = watching.subscribe(); // takes one tick and no more: what is behind it waits
    await watcherReady(connection);
    await env.reset({ seed: 1 });
    const [action, before] = [new Float32Array(6), Counter.steps];
    const given = stepChunk(env, [action, action, action]);
    await expect(given).rejects.toMatchObject({ code: "request_timeout" });
    watcher.unsubscribe();
    expect((await env.step(action)).info).toEqual({ tick: 1 });
    expect(Counter.steps - before).toBe(1);
  });

  test("more sessions than the server takes is an error, and a vector leaves none open", async () => {
    const { join } = await bench({}, { maxSessions: 3 });
    const connection = await join();
    await expect(connection.vector("counter", 4)).rejects.toMatchObject({ code: "capacity_sessions" });
    expect((await connection.vector("counter", 3)).size).toBe(3);
  });
});

async function connectDirectly(server: RunningServer): Promise<Connection> {
  const connection = await connect(server.url.replace("http", "ws"));
  closers.push(() => connection.close());
  return connection;
}

// Requests of one connection are begun in order: behind this one, a subscription has begun.
async function watcherReady(connection: Connection): Promise<void> {
  await (await connection.open()).close();
}
