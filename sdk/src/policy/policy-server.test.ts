import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { byteTensor, floatTensor, type Observation } from "@worldstep/protocols";
import { createSimulator } from "@worldstep/tabletop";
import { afterEach, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { connectPolicy, type RemotePolicy } from "./connect-policy.js";
import { drive } from "./drive.js";
import type { Policy } from "./policy.js";
import { type PolicyRecord, packPolicy, unpackPolicy } from "./policy-codec.js";
import { type PolicyServer, type PolicyServerOptions, type PolicySpaces, servePolicy } from "./policy-server.js";

const SPACES: PolicySpaces = {
  observationSpace: {
    type: "dict",
    spaces: {
      frames: { type: "box", dtype: "uint8", shape: [2, 2, 3, 3], low: 0, high: 255 },
      proprioception: { type: "box", dtype: "float32", shape: [2], low: -1, high: 1 },
    },
  },
  actionSpace: { type: "box", dtype: "float32", shape: [2, 3], low: -1, high: 1 },
};
const IMAGE = byteTensor(
  Uint8Array.from({ length: 18 }, (_, i) => i),
  [2, 3, 3],
);
const STATE = floatTensor(Float32Array.of(0.5, -0.25), [2]);
const ASKED = { "observation/image": IMAGE, "observation/state": STATE };

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function served(
  open: () => Promise<Policy>,
  options?: PolicyServerOptions,
  spaces = SPACES,
): Promise<PolicyServer> {
  const server = await servePolicy(open, spaces, options);
  ends.push(() => server.close());
  return server;
}

async function connected(server: PolicyServer): Promise<RemotePolicy> {
  const policy = await connectPolicy(server.url);
  ends.push(() => policy.close());
  return policy;
}

// Answers with its seed, how often it was asked, and the state.
function counting(log: string[] = [], seen: Observation[] = []): () => Promise<Policy> {
  return async () => {
    let [seed, asked] = [-1, 0];
    return {
      reset: async (given) => {
        seed = given;
        log.push(`reset ${seed}`);
      },
      act: async (observation) => {
        seen.push(observation);
        asked++;
        return Float32Array.of(seed, asked, 0, ...observation.proprioception.data, 0);
      },
      close: async () => {
        log.push(`close ${seed}`);
      },
    };
  };
}

const acting = (act: Policy["act"]) => async (): Promise<Policy> => ({
  reset: async () => undefined,
  act,
  close: async () => undefined,
});
const still = acting(async () => new Float32Array(6));
const actionsOf = (answer: PolicyRecord) => (answer.actions as { data: Float32Array }).data;

test("the hello has what the policy is and its shapes; an answer has a block of actions and its times", async () => {
  const seen: Observation[] = [];
  const server = await served(counting([], seen), { metadata: { policy: "counting" }, seed: 7 });
  const policy = await connected(server);
  const shapes = { image_shape: [2, 3, 3], state_shape: [2], actions_shape: [2, 3] };
  expect(policy.metadata).toEqual({ policy: "counting", seed: 7, ...shapes });
  expect(await policy.infer({ ...ASKED, prompt: "push", "observation/wrist_image": IMAGE })).toEqual({
    actions: floatTensor(Float32Array.of(7, 1, 0, 0.5, -0.25, 0), [2, 3]),
    policy_timing: { infer_ms: expect.any(Number) },
    server_timing: { infer_ms: expect.any(Number) },
  });
  expect(seen).toEqual([{ frames: byteTensor(IMAGE.data, [1, 2, 3, 3]), proprioception: STATE }]);
  const { policy_timing, server_timing } = await policy.infer(ASKED);
  const { infer_ms, prev_total_ms } = server_timing as Record<string, number>;
  expect(infer_ms).toBeGreaterThanOrEqual((policy_timing as Record<string, number>).infer_ms as number);
  expect(prev_total_ms).toBeGreaterThan(0);
});

test("each connection has a policy of its own, with the next seed, that is closed with it", async () => {
  const log: string[] = [];
  const server = await served(counting(log), { seed: 3 });
  const [first, second, silent] = [await connected(server), await connected(server), await connected(server)];
  await first.infer(ASKED);
  await second.infer(ASKED);
  expect(actionsOf(await first.infer(ASKED)).slice(0, 2)).toEqual(Float32Array.of(3, 2));
  expect(actionsOf(await second.infer(ASKED)).slice(0, 2)).toEqual(Float32Array.of(4, 2));
  first.close();
  await expect.poll(() => log).toEqual(["reset 3", "reset 4", "close 3"]);
  silent.close();
  expect(actionsOf(await second.infer(ASKED)).slice(0, 2)).toEqual(Float32Array.of(4, 3));
  await server.close();
  expect(log).toEqual(["reset 3", "reset 4", "close 3", "close 4"]);
});

test("what it answers drives a simulator", async () => {
  const simulator = await createSimulator();
  ends.push(() => simulator.close());
  // Towards y = 0.1, from where the state says that the tip is.
  const server = await served(
    acting(async ({ proprioception }) => {
      const dy = Math.max(-1, Math.min(1, (0.1 - (proprioception.data[1] as number)) / 0.06));
      return Float32Array.from({ length: 20 }, (_, i) => (i % 5 === 1 ? dy : 0));
    }),
    {},
    simulator.spec,
  );
  const policy = await connected(server);
  expect(policy.metadata).toMatchObject({ image_shape: [64, 64, 3], actions_shape: [4, 5] });
  const { observation } = await simulator.reset({ seed: 3, maxTicks: 12 });
  const y: number[] = [];
  for await (const step of drive(simulator, policy, observation)) {
    y.push(step.observation.proprioception.data[1] as number);
  }
  expect(y).toHaveLength(12);
  expect(y.at(-1)).toBeCloseTo(0.1, 2);
});

const long = { dtype: "int32", shape: [2], data: Int32Array.of(1, 2) } as const;
test.each<[string, PolicyRecord, string]>([
  ["no image", { "observation/state": STATE }, "no observation/image (tensor_missing)"],
  ["no state", { "observation/image": IMAGE }, "no observation/state (tensor_missing)"],
  ["keys of another robot", { state: STATE, images: { cam_high: IMAGE } }, "no observation/image"],
  ["a list for a state", { ...ASKED, "observation/state": [1, 2] }, "observation/state, which is no array"],
  ["an image of floats", { ...ASKED, "observation/image": STATE }, "observation/image is float32, not uint8"],
  ["a state of integers", { ...ASKED, "observation/state": long }, "observation/state is int32, not float32"],
  ["a flat image", { ...ASKED, "observation/image": byteTensor(IMAGE.data, [18]) }, "expected [2, 3, 3], got [18]"],
  [
    "a long state",
    { ...ASKED, "observation/state": floatTensor(new Float32Array(3), [3]) },
    "observation/state: expected [2], got [3] (shape_mismatch)",
  ],
  [
    "a state that is not finite",
    { ...ASKED, "observation/state": floatTensor(Float32Array.of(0, Number.NaN), [2]) },
    "element 1 of observation/state is NaN (message_field_invalid)",
  ],
])("%s is an error that names the key", async (_, asked, expected) => {
  const errors: unknown[] = [];
  const policy = await connected(await served(still, { onError: (error) => errors.push(error) }));
  await expect(policy.infer(asked)).rejects.toMatchObject({
    code: "policy_failed",
    summary: expect.stringContaining(expected),
  });
  await expect(policy.infer(ASKED)).rejects.toMatchObject({ code: "connection_lost" });
  expect(errors).toEqual([expect.objectContaining({ message: expect.stringContaining(expected) })]);
});

test.each<[string, () => Promise<Policy>, string]>([
  [
    "a policy that throws",
    acting(async () => {
      throw new TypeError("stuck");
    }),
    "TypeError: stuck",
  ],
  [
    "a policy that can't be opened",
    async () => {
      throw new Error("no weights");
    },
    "Error: no weights",
  ],
  ["a block that is short", acting(async () => new Float32Array(5)), "expected [2, 3], got [5]"],
])("%s fails the question, and its connection only", async (_, failing, expected) => {
  const errors: unknown[] = [];
  let opened = 0;
  const server = await served(() => (opened++ === 0 ? failing() : still()), { onError: (error) => errors.push(error) });
  const [first, second] = [await connected(server), await connected(server)];
  await expect(first.infer(ASKED)).rejects.toMatchObject({ summary: expect.stringContaining(expected) });
  expect(errors).toEqual([
    expect.objectContaining({ message: expect.stringContaining(expected.replace(/^\w*Error: /, "")) }),
  ]);
  expect(actionsOf(await second.infer(ASKED))).toEqual(new Float32Array(6));
});

test("a policy that can't be reset is closed", async () => {
  let closed = 0;
  const reset = () => Promise.reject(new Error("no episode"));
  const close = async () => {
    closed++;
  };
  const policy = await connected(await served(async () => ({ ...(await still()), reset, close })));
  await expect(policy.infer(ASKED)).rejects.toMatchObject({ summary: expect.stringContaining("Error: no episode") });
  await expect.poll(() => closed).toBe(1);
});

// A client that is not polite: a bare socket, behind the hello.
async function bare(server: PolicyServer): Promise<{ socket: WebSocket; replies: [Buffer, boolean][] }> {
  const socket = new WebSocket(server.url);
  ends.push(() => socket.terminate());
  const replies: [Buffer, boolean][] = [];
  socket.on("message", (data: Buffer, isBinary) => replies.push([data, isBinary]));
  await expect.poll(() => replies.length).toBe(1);
  return { socket, replies: replies.splice(0) && replies };
}

test.each<[string, string | Uint8Array, string]>([
  ["text", "hello", "message_text"],
  ["no msgpack", Uint8Array.of(0xc1), "message_malformed"],
  ["no map", packPolicy([1, 2]), "tensor_missing"],
  ["nothing", packPolicy(null), "tensor_missing"],
])("%s is answered in text, and the socket closes with 1011", async (_, message, code) => {
  const { socket, replies } = await bare(await served(still));
  socket.send(message);
  for (let i = 0; i < 5; i++) socket.send(packPolicy(ASKED));
  expect((await once(socket, "close"))[0]).toBe(1011);
  expect(replies).toEqual([[expect.any(Buffer), false]]);
  expect(String(replies[0]?.[0])).toContain(`(${code})`);
});

test("a message above 4 MiB closes the socket with 1009, and nothing is compressed", async () => {
  const server = await served(still);
  const { socket } = await bare(server);
  expect(socket.extensions).toBe("");
  const padded = { ...ASKED, other: byteTensor(new Uint8Array(4 * 2 ** 20 - 300), [4 * 2 ** 20 - 300]) };
  expect(actionsOf(await (await connected(server)).infer(padded))).toEqual(new Float32Array(6));
  socket.send(new Uint8Array(4 * 2 ** 20 + 1));
  expect((await once(socket, "close"))[0]).toBe(1009);
  expect(actionsOf(await (await connected(server)).infer(ASKED))).toEqual(new Float32Array(6));
});

test("where frames are large, a message may be four times what is looked at", async () => {
  const frames = { type: "box", dtype: "uint8", shape: [2, 1024, 2048, 3], low: 0, high: 255 } as const;
  const { observationSpace, actionSpace } = SPACES;
  const server = await served(
    still,
    {},
    {
      observationSpace: { ...observationSpace, spaces: { ...observationSpace.spaces, frames } },
      actionSpace,
    },
  );
  const image = byteTensor(new Uint8Array(2048 * 1024 * 3), [1024, 2048, 3]);
  const asked = { "observation/image": image, wrist: image, left: image, "observation/state": STATE };
  expect(actionsOf(await (await connected(server)).infer(asked))).toEqual(new Float32Array(6));
  const { socket } = await bare(server);
  socket.send(new Uint8Array(4 * image.data.length + 100));
  expect((await once(socket, "close"))[0]).toBe(1009);
});

const many = (head: string, value: string, times: number) => Buffer.from(head + value.repeat(times), "hex");

test.each<[string, Uint8Array]>([
  ["a map of 800,000 keys", many("df000c3500", "a16101", 800_000)],
  ["a list of four million", many("dd003d0900", "c0", 4_000_000)],
  ["a list that says it has four milliards", many("ddffffffff", "", 0)],
  ["lists in lists", many("", "91", 4_000_000)],
  ["lists of lists of strings", many("dc2000", "92a0d900", 8_192)],
  ["a regular expression, which has an extension type", many("", "d47892a0a0", 1)],
])("%s is refused before it is decoded", async (_, message) => {
  const { socket, replies } = await bare(await served(still));
  const begun = performance.now();
  socket.send(message);
  expect((await once(socket, "close"))[0]).toBe(1011);
  expect(performance.now() - begun).toBeLessThan(1000);
  expect(String(replies[0]?.[0])).toMatch(/over 10000 values.*\(message_malformed\)/);
});

test("values of every kind stand beside an observation", async () => {
  const policy = await connected(await served(still));
  const numbers = [0, -1, 200, -100, 60_000, -30_000, 2 ** 31, -(2 ** 31), 2 ** 40, -(2 ** 40), 1.5];
  const texts = ["", "a", "b".repeat(40), "c".repeat(300), "d".repeat(70_000)];
  const lists = [[], Array.from({ length: 20 }, (_, i) => i), Array.from({ length: 9_000 }, () => null)];
  const maps = [{}, Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`k${i}`, true]))];
  const arrays = [10, 300, 70_000].map((n) => byteTensor(new Uint8Array(n), [n]));
  const answer = await policy.infer({ numbers, texts, lists, maps, arrays, ...ASKED });
  expect(actionsOf(answer)).toEqual(new Float32Array(6));
});

test("while a question is answered, nothing more is read", async () => {
  let [asked, go] = [0, () => {}];
  const server = await served(
    acting(async () => {
      asked++;
      await new Promise<void>((resolve) => {
        go = resolve;
      });
      return new Float32Array(6);
    }),
  );
  const { socket } = await bare(server);
  let pongs = 0;
  socket.on("pong", () => pongs++);
  socket.send(packPolicy(ASKED));
  await expect.poll(() => asked).toBe(1);
  socket.ping();
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(pongs).toBe(0);
  go();
  await expect.poll(() => pongs).toBe(1);
});

test("who asked nothing gives way to others, who asked does not", async () => {
  const server = await served(counting());
  const asker = await connected(server);
  await asker.infer(ASKED);
  const idle = await Promise.all(Array.from({ length: 63 }, () => bare(server)));
  const closed = Promise.race(idle.map(async ({ socket }, i) => [i, (await once(socket, "close"))[0]]));
  const others = [];
  for (let i = 0; i < 63; i++) {
    const other = await connected(server);
    expect(actionsOf(await other.infer(ASKED))?.[1]).toBe(1);
    others.push(other);
  }
  expect((await closed)[1]).toBe(1013);
  expect(idle.every(({ socket }) => socket.readyState >= WebSocket.CLOSING)).toBe(true);
  expect(actionsOf(await asker.infer(ASKED))?.[1]).toBe(2);
  await expect(connectPolicy(server.url)).rejects.toThrow(/503/);
  others[0]?.close();
  await expect
    .poll(() =>
      connectPolicy(server.url).then(
        (late) => late.close() ?? true,
        () => false,
      ),
    )
    .toBe(true);
});

test("who got an error and doesn't leave gives way", async () => {
  const server = await served(still);
  const rude = await Promise.all(Array.from({ length: 64 }, () => handshaken(server)));
  for (const socket of rude) socket.write(Buffer.of(0x82, 0x81, 0, 0, 0, 0, 0xc1));
  for (const socket of rude) await expect.poll(() => String(socket.read())).toContain("message_malformed");
  expect(actionsOf(await (await connected(server)).infer(ASKED))).toEqual(new Float32Array(6));
});

test("who stops in the middle of a message is cut, who answers pings is not", async () => {
  vi.useFakeTimers({ toFake: ["setInterval"] });
  ends.push(() => vi.useRealTimers());
  const server = await served(counting());
  const { socket, replies } = await bare(server);
  const stopped = await handshaken(server);
  stopped.write(Buffer.concat([Buffer.of(0x82, 0xfe, 0xff, 0xff, 0, 0, 0, 0), Buffer.alloc(1000)]));
  stopped.resume();
  const cut = once(stopped, "close");
  for (let round = 0; round < 3; round++) {
    const asked = once(socket, "ping");
    vi.advanceTimersByTime(20_000);
    await asked;
    socket.ping();
    await once(socket, "pong"); // by now the server has read that this one is there
  }
  await cut;
  socket.send(packPolicy(ASKED));
  await expect.poll(() => replies.length).toBe(1);
});

/** A socket that shook hands, and leaves all else to the test. */
async function handshaken({ url }: PolicyServer): Promise<Socket> {
  const { hostname: host, port } = new URL(url);
  const socket = createConnection({ host, port: Number(port) });
  ends.push(() => socket.destroy());
  socket.on("error", () => undefined);
  const key = "AAAAAAAAAAAAAAAAAAAAAA==";
  const head = `Host: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}`;
  socket.write(`GET / HTTP/1.1\r\n${head}\r\nSec-WebSocket-Version: 13\r\n\r\n`);
  await once(socket, "readable");
  return socket;
}

test("questions sent ahead are answered one at a time, in order", async () => {
  let [underWay, most, asked] = [0, 0, 0];
  const server = await served(
    acting(async () => {
      most = Math.max(most, ++underWay);
      await new Promise((resolve) => setTimeout(resolve, 5));
      underWay--;
      return new Float32Array(6).fill(++asked);
    }),
  );
  const { socket, replies } = await bare(server);
  for (let i = 0; i < 20; i++) socket.send(packPolicy(ASKED));
  await expect.poll(() => replies.length).toBe(20);
  expect(replies.map(([data]) => actionsOf(unpackPolicy(data) as PolicyRecord)[0])).toEqual(
    Array.from({ length: 20 }, (_, i) => i + 1),
  );
  expect(most).toBe(1);
});

test("float64 states are taken, as NumPy makes them", async () => {
  const seen: Observation[] = [];
  const { socket, replies } = await bare(await served(counting([], seen)));
  // msgpack_numpy.packb(np.array([0.5, -0.25])) in the place of the state
  const state = Buffer.from(
    "84c40b5f5f6e6461727261795f5fc3c40464617461c410000000000000e03f000000000000d0bfc4056474797065a33c6638c40573686170659102",
    "hex",
  );
  const map = Buffer.from(packPolicy({ "observation/image": IMAGE, "observation/state": null }));
  socket.send(Buffer.concat([map.subarray(0, -1), state]));
  await expect.poll(() => replies.length).toBe(1);
  expect(seen[0]?.proprioception).toEqual(STATE);
});

test("GET /healthz says OK, and what else is no WebSocket is told so", async () => {
  const { url } = await served(still);
  const health = await fetch(`${url.replace("ws", "http")}/healthz`);
  expect([health.status, await health.text()]).toEqual([200, "OK\n"]);
  expect((await fetch(url.replace("ws", "http"))).status).toBe(426);
});

test("an address that can't be had is an error", async () => {
  const port = Number(new URL((await served(still)).url).port);
  await expect(servePolicy(still, SPACES, { port })).rejects.toMatchObject({ code: "option_port" });
  await expect(servePolicy(still, SPACES, { host: "192.0.2.1" })).rejects.toMatchObject({ code: "option_host" });
});

test("close waits for the policy that is at work, and tells its client that the server goes", async () => {
  const log: string[] = [];
  let go = () => {};
  const server = await served(async () => ({
    reset: async () => undefined,
    act: async () => {
      log.push("asked");
      await new Promise<void>((resolve) => {
        go = resolve;
      });
      log.push("acted");
      return new Float32Array(6);
    },
    close: async () => {
      log.push("closed");
    },
  }));
  const { socket } = await bare(server);
  socket.send(packPolicy(ASKED));
  await expect.poll(() => log).toEqual(["asked"]);
  const closing = server.close().then(() => log.push("server closed"));
  expect((await once(socket, "close"))[0]).toBe(1001);
  await expect(connectPolicy(server.url)).rejects.toMatchObject({ code: "connection_refused" });
  go();
  await closing;
  expect(log).toEqual(["asked", "acted", "closed", "server closed"]);
});

test("it wants its token, as openpi's clients send theirs, and lets in no page of another site", async () => {
  const server = await served(still, { token: "s3cret" });
  await expect(connectPolicy(server.url)).rejects.toMatchObject({ code: "connection_refused" });
  await expect(connectPolicy(server.url, { apiKey: "other" })).rejects.toThrow(/401/);
  const policy = await connectPolicy(server.url, { apiKey: "s3cret" });
  ends.push(() => policy.close());
  expect(actionsOf(await policy.infer(ASKED))).toEqual(new Float32Array(6));
  const status = async (url: string, origin: string) => {
    const socket = new WebSocket(url, { origin });
    socket.on("error", () => undefined);
    const [, response] = await once(socket, "unexpected-response");
    socket.terminate();
    return response.statusCode;
  };
  expect(await status((await served(still)).url, "https://evil.example")).toBe(403);
});

test("it ends in a bounded time, though a policy never answers", async () => {
  const server = await served(acting(() => new Promise(() => undefined)));
  const policy = await connected(server);
  policy.infer(ASKED).catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const begun = performance.now();
  await server.close();
  expect(performance.now() - begun).toBeLessThan(3500);
});
