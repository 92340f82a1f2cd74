import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { byteTensor, floatTensor } from "@worldstep/protocols";
import { afterEach, expect, test } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { connectPolicy, type PolicyOptions, type RemotePolicy } from "./connect-policy.js";
import { type PolicyRecord, packPolicy, unpackPolicy } from "./policy-codec.js";

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

const plan = floatTensor(Float32Array.of(0.5, -0.5), [1, 2]);
const observation = { state: plan, image: byteTensor(Uint8Array.of(1, 2, 3), [1, 1, 3]), prompt: "push" };

// A policy server of one dialect; `heard` is what it was sent.
async function policy(
  reply: (message: PolicyRecord, socket: WebSocket) => void,
  options: PolicyOptions = {},
): Promise<{ policy: RemotePolicy; heard: PolicyRecord[]; key: () => string | undefined }> {
  const heard: PolicyRecord[] = [];
  let key: string | undefined;
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (socket, request) => {
    key = request.headers.authorization;
    socket.send(packPolicy({ name: "tested" }));
    socket.on("message", (data: Buffer) => {
      const message = unpackPolicy(data) as PolicyRecord;
      heard.push(message);
      reply(message, socket);
    });
  });
  await once(server, "listening");
  const connected = await connectPolicy(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, options);
  ends.push(() => {
    connected.close();
    server.close();
  });
  return { policy: connected, heard, key: () => key };
}

test("openpi: the observation as it is, the key in a header, and no reset", async () => {
  const {
    policy: pi,
    heard,
    key,
  } = await policy((_, socket) => socket.send(packPolicy({ actions: plan })), {
    apiKey: "secret",
  });
  expect(pi.metadata).toEqual({ name: "tested" });
  await pi.reset();
  expect(await pi.infer(observation)).toEqual({ actions: plan });
  expect(heard).toEqual([observation]);
  expect(key()).toBe("Api-Key secret");
});

test("roboarena: endpoints, a bare array, and a reset that is answered in text", async () => {
  const { policy: arena, heard } = await policy(
    ({ endpoint }, socket) => socket.send(endpoint === "reset" ? "reset successful" : packPolicy(plan)),
    { dialect: "roboarena" },
  );
  await arena.reset();
  expect(await arena.infer({ prompt: "push" })).toEqual({ actions: plan });
  expect(heard).toEqual([{ endpoint: "reset" }, { endpoint: "infer", prompt: "push" }]);
});

test("vllm-omni: sessions, seeds, and errors as messages", async () => {
  const { policy: omni, heard } = await policy(
    ({ endpoint, prompt }, socket) => {
      if (prompt === "fail") socket.send(packPolicy({ type: "error", message: "no such prompt" }));
      else socket.send(packPolicy(endpoint === "reset" ? { status: "reset successful" } : { actions: plan }));
    },
    { dialect: "vllm-omni", sessionId: "one" },
  );
  await omni.reset({ seed: 7 });
  expect(await omni.infer({ prompt: "push" })).toEqual({ actions: plan });
  await expect(omni.infer({ prompt: "fail" })).rejects.toMatchObject({ code: "policy_failed" });
  expect(heard.slice(0, 2)).toEqual([
    { endpoint: "reset", session_id: "one", seed: 7 },
    { endpoint: "infer", session_id: "one", prompt: "push" },
  ]);
});

test.each<[PolicyOptions["dialect"] & string, string | Uint8Array]>([
  ["roboarena", "Traceback:\nRuntimeError: stuck"],
  ["vllm-omni", packPolicy({ type: "error", message: "RuntimeError: stuck" })],
])("%s: a reset that fails is an error", async (dialect, reply) => {
  const { policy: stuck } = await policy((_, socket) => socket.send(reply), { dialect });
  await expect(stuck.reset()).rejects.toMatchObject({
    code: "policy_failed",
    summary: "the policy failed: RuntimeError: stuck",
  });
  await expect(stuck.reset()).rejects.toMatchObject({ code: "connection_lost" });
});

test("an answer that nobody asked for is not taken for the next one's", async () => {
  const { policy: pi } = await policy((_, socket) => {
    socket.send(packPolicy({ n: 1 }));
    socket.send(packPolicy({ n: 2 }));
  });
  expect(await pi.infer({})).toEqual({ n: 1 });
  await new Promise((resolve) => setTimeout(resolve, 50));
  await expect(pi.infer({})).rejects.toMatchObject({ code: "policy_malformed" });
});

test("one request is under way at a time, and each gets its own answer", async () => {
  const { policy: pi } = await policy(({ n }, socket) => {
    setTimeout(() => socket.send(packPolicy({ n: n as number })), 10 - (n as number));
  });
  const answers = await Promise.all([1, 2, 3, 4].map((n) => pi.infer({ n })));
  expect(answers.map(({ n }) => n)).toEqual([1, 2, 3, 4]);
});

test("a traceback in text is the error of the call, and a server that goes is told of", async () => {
  const { policy: pi } = await policy((_, socket) => {
    socket.send("Traceback:\n  File policy.py\nValueError: no image");
    socket.close(1011);
  });
  await expect(pi.infer(observation)).rejects.toMatchObject({
    code: "policy_failed",
    summary: "the policy failed: ValueError: no image",
  });
  await expect(pi.infer(observation)).rejects.toMatchObject({ code: "connection_lost" });
});

test("silence ends in request_timeout, and the connection with it", async () => {
  const { policy: pi } = await policy(() => undefined, { timeoutMs: 100 });
  await expect(pi.infer(observation)).rejects.toMatchObject({ code: "request_timeout" });
  await expect(pi.infer(observation)).rejects.toMatchObject({ code: "connection_lost" });
});

test("where nobody answers, or something else does, and what is no dialect", async () => {
  await expect(connectPolicy("ws://127.0.0.1:9")).rejects.toMatchObject({ code: "connection_refused" });
  await expect(connectPolicy("no address")).rejects.toMatchObject({ code: "connection_refused" });
  const chat = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  let left = false;
  chat.on("connection", (socket) => {
    socket.send("welcome");
    socket.on("close", () => (left = true));
  });
  ends.push(() => chat.close());
  await once(chat, "listening");
  const url = `ws://127.0.0.1:${(chat.address() as AddressInfo).port}`;
  await expect(connectPolicy(url)).rejects.toMatchObject({ code: "connection_refused" });
  await expect.poll(() => left).toBe(true);
  const dialect = "klingon" as "openpi";
  await expect(connectPolicy("ws://127.0.0.1:9", { dialect })).rejects.toMatchObject({ code: "option_dialect" });
});
