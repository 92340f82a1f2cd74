// A process of its own for `worldstep bench guard`: does one kind of harm to the server on a port of this machine, tells its
// parent when it has begun, and goes on until the parent is gone. It speaks to 127.0.0.1 only.
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as after } from "node:timers/promises";
import {
  type ClientMessage,
  type Codec,
  encodeMessage,
  floatTensor,
  msgpackCodec,
  protobufCodec,
} from "@worldstep/protocols";
import type { Attack } from "./bench-guard.js";
import { RawSocket } from "./bench-guard-socket.js";

const [port, attack, world] = [Number(process.argv[2]), process.argv[3] as Attack, process.argv[4] as string];
const CONNECTIONS = 5000;
const CODECS = [msgpackCodec, protobufCodec];
process.once("disconnect", () => process.exit());

const ATTACKS: Record<Attack, () => Promise<unknown>> = {
  fuzz: () => many(16, fuzz),
  floods: () => many(32, flood),
  headers: () => many(16, headers),
  watchers: () => watchers(),
  connections: () => connections(),
};
void ATTACKS[attack]();
setTimeout(() => process.send?.("begun"), 1000);

/** `work` on so many connections at once; whoever is cut comes again. */
async function many(count: number, work: (socket: RawSocket, codec: Codec, i: number) => Promise<void>): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const codec = CODECS[i % 2] as Codec;
      for (;;) {
        const socket = await RawSocket.open(port, codec).catch(() => undefined);
        if (socket !== undefined) await work(socket, codec, i);
        socket?.socket.destroy();
        await after(10);
      }
    }),
  );
}

const ping: ClientMessage = { type: "ping", id: 1, tensors: {} };
const open: ClientMessage = { type: "open", id: 2, world: "mars", tensors: {} };
const resume: ClientMessage = { type: "resume", id: 3, session: "s".repeat(36), token: "t".repeat(32), tensors: {} };

/** Messages that are cut, changed, random or all too long. */
async function fuzz(socket: RawSocket, codec: Codec): Promise<void> {
  socket.drain();
  const messages = [ping, open, resume].map((message) => encodeMessage(codec, message));
  for (let i = 0; socket.isOpen; i++) {
    const bytes = (messages[i % 3] as Uint8Array).slice();
    for (let edits = 1 + (i % 3); edits > 0; edits--) bytes[4 + below(bytes.length - 4)] = below(256);
    await socket.send(i % 7 === 0 ? bytes.subarray(0, below(bytes.length)) : bytes);
  }
}

const PING_FRAME = Buffer.concat([Buffer.from([0x89, 0xfd, 0, 0, 0, 0]), Buffer.alloc(125)]);
const REQUEST = Buffer.from(`GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);

/** Small messages that are legal, as fast as they are taken: of the protocol, of WebSocket, of HTTP. Half reads no replies. */
async function flood(socket: RawSocket, codec: Codec, i: number): Promise<void> {
  if (i % 4 < 2) socket.drain();
  while (i % 8 === 2 && socket.isOpen) await socket.write(PING_FRAME);
  if (i % 8 === 1) {
    const http = connect({ port, host: "127.0.0.1" }).on("error", () => undefined);
    http.resume();
    while (http.writable && !http.destroyed) if (!http.write(REQUEST)) await once(http, "drain").catch(() => undefined);
    http.destroy();
    return;
  }
  const one = encodeMessage(codec, i % 3 === 0 ? ping : i % 3 === 1 ? open : resume);
  while (socket.isOpen) await socket.send(one);
}

/** Headers as long as they are taken, and much longer, of fields that nobody knows. */
async function headers(socket: RawSocket, codec: Codec, i: number): Promise<void> {
  socket.drain();
  const bomb = framed(codec, i % 4 < 2 ? 8192 : 1 << 20);
  while (socket.isOpen) await socket.send(bomb);
}

function framed(codec: Codec, length: number): Uint8Array {
  const fields: Record<string, number> = {};
  for (let i = 0; i < length / 8; i++) fields[i.toString(36).padStart(5, "_")] = i % 100;
  const header =
    codec === msgpackCodec
      ? codec.pack(fields)
      : // Fields of numbers that the schema doesn't have, each a varint.
        Uint8Array.from(
          { length: length - (length % 4) },
          (_, i) => [0x80 | (i & 0x78), 0x80 | ((i >> 7) & 0x7f), 0x10, 1][i % 4] as number,
        );
  const taken = header.subarray(0, length);
  const bytes = new Uint8Array(Math.ceil((4 + taken.length) / 8) * 8);
  new DataView(bytes.buffer).setUint32(0, taken.length, true);
  bytes.set(taken, 4);
  return bytes;
}

/** A session that is stepped, and watched through 64 streams on each of eight connections that read nothing. */
async function watchers(): Promise<void> {
  const owner = await RawSocket.open(port, msgpackCodec);
  await owner.ask({ type: "open", id: 1, world, tensors: {} });
  const opened = await owner.next();
  if (opened?.type !== "opened") throw new Error(`no session: ${JSON.stringify(opened)}`);
  const { session, token } = opened;
  await owner.ask({ type: "reset", id: 2, session, seed: 1, maxTicks: 0, tensors: {} });
  const first = await owner.next();
  if (first?.type !== "observation") throw new Error(`no reset: ${JSON.stringify(first)}`);
  void many(8, async (socket, codec) => {
    for (let i = 0; i < 64 && socket.isOpen; i++) {
      const policy = i % 2 === 0 ? "block" : "latest";
      const subscribe = { type: "subscribe", id: i, session, token, policy, credit: 2 ** 31, tensors: {} } as const;
      await socket.send(encodeMessage(codec, subscribe));
    }
    await new Promise((closed) => socket.socket.once("close", closed));
  });
  const action = floatTensor(new Float32Array(Number(process.argv[5]) * Number(process.argv[6])), [
    Number(process.argv[5]),
    Number(process.argv[6]),
  ]);
  for (let tick = 1; owner.isOpen; tick++) {
    await owner.ask({ type: "step", id: 2 + tick, session, tick, tensors: { action } });
    await owner.next();
  }
}

/** 5,000 connections: most say nothing, some not even what they want. Who is cut comes again, once a second. */
async function connections(): Promise<void> {
  const sockets: { readonly destroyed: boolean }[] = [];
  for (;;) {
    const open = sockets.filter(({ destroyed }) => !destroyed);
    sockets.splice(0, sockets.length, ...open);
    for (let i = sockets.length; i < CONNECTIONS; i += 100) {
      const more = await Promise.all(Array.from({ length: 100 }, (_, k) => (k % 5 === 0 ? half() : whole())));
      sockets.push(...more.filter((socket) => socket !== undefined));
    }
    await after(1000);
  }
}

async function whole() {
  const raw = await RawSocket.open(port, msgpackCodec).catch(() => undefined);
  raw?.drain();
  return raw?.socket;
}

/** A request of which the end doesn't come. */
function half() {
  const socket = connect({ port, host: "127.0.0.1" }).on("error", () => undefined);
  socket.write("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ");
  return Promise.resolve(socket);
}

function below(limit: number): number {
  return Math.floor(Math.random() * Math.max(1, limit));
}
