// 10,000 messages that are cut, mutated, random or too big.

import { type ClientMessage, encodeMessage, msgpackCodec, protobufCodec } from "@worldstep/protocols";
import { describe, expect, it } from "vitest";
import { action, clients, connect, start } from "../../../test/fixtures/counter-server.js";

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
