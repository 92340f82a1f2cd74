// A process of its own for `worldstep bench load`: asks the server at the address that it is given, now and then, whether it is there, and
// prints the milliseconds until it said so, when stdin ends.
import { once } from "node:events";
import { msgpackCodec } from "@worldstep/protocols";
import { RawSocket } from "./bench-guard-socket.js";

const PAUSE_MS = 50;

const url = new URL(process.argv[2] as string);
const socket = await RawSocket.open(Number(url.port), msgpackCodec);
let isOver = false;
process.stdin.resume();
void once(process.stdin, "end").then(() => {
  isOver = true;
});
const [pings, healthz]: [number[], number[]] = [[], []];
for (let id = 1; !isOver; id++) {
  const ping = await milliseconds(async () => {
    await socket.ask({ type: "ping", id, tensors: {} });
    await socket.next();
  });
  const health = await milliseconds(async () => (await fetch(new URL("/healthz", url))).text());
  // The first ones read the server's greeting, and load what `fetch` is made of.
  if (id > 1) {
    pings.push(ping);
    healthz.push(health);
  }
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}
process.stdout.write(JSON.stringify({ pings, healthz }), () => process.exit());

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const before = performance.now();
  await work();
  return performance.now() - before;
}
