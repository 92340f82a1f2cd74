// A plan that runs and that nobody wants any more.
import {
  type CallOptions,
  type ErrorMessage,
  floatTensor,
  type Planned,
  type PlanOptions,
  throwIfStopped,
} from "@worldstep/protocols";
import { expect, it } from "vitest";
import { action, type Client, Counter, connect, SPEC, start } from "../../../test/fixtures/counter-server.js";
import type { RunningServer } from "./server.js";

/** Plans until it is stopped, or for a tick of the horizon. */
class Planner extends Counter {
  static readonly stoppedBy: unknown[] = [];

  async plan({ horizon }: PlanOptions = {}, { signal }: CallOptions = {}): Promise<Planned> {
    if (horizon !== 1) {
      await new Promise((resolve) => signal?.addEventListener("abort", resolve));
      Planner.stoppedBy.push((signal?.reason as { code: string }).code);
      throwIfStopped(signal);
    }
    return { actions: floatTensor(new Float32Array(6), [1, 2, 3]), plannedReturn: 1 };
  }
}

const worlds = [{ spec: { ...SPEC, predicts: true }, hash: "c0", open: async () => new Planner() }];

interface Going {
  readonly server: RunningServer;
  readonly client: Client;
  readonly session: string;
  readonly token: string;
}

async function going(): Promise<Going> {
  Planner.stoppedBy.length = 0;
  const server = await start({}, { worlds });
  const client = await connect(server);
  const { session, token } = await client.open();
  await client.reset(session);
  client.send({ type: "plan", id: 7, session, tensors: {} });
  await client.settle();
  return { server, client, session, token };
}

it.each<[string, string, (going: Going) => Promise<unknown>]>([
  [
    "cancel",
    "request_cancelled",
    async ({ client }) => {
      const cancelled = await client.request("cancelled", { type: "cancel", target: 7, tensors: {} });
      expect(cancelled.removed).toBe(true);
    },
  ],
  [
    "close",
    "session_closed",
    ({ client, session }) => client.request("closed", { type: "close", session, tensors: {} }),
  ],
  [
    "another connection that takes the session over",
    "session_taken_over",
    async ({ server, session, token }) => {
      const taker = await connect(server);
      await taker.request("resumed", { type: "resume", session, token, tensors: {} });
      expect((await taker.step(session, 1)).tick).toBe(1);
    },
  ],
  ["the server's end", "session_closed", ({ server }) => server.close()],
])("is stopped by %s", async (_, code, stop) => {
  const all = await going();
  await stop(all);
  const refused = await all.client.take((reply): reply is ErrorMessage => reply.type === "error" && reply.id === 7);
  expect(refused.code).toBe(code);
  expect(Planner.stoppedBy).toEqual([code]);
});

it("is stopped by the loss of its connection, and made again for who resumes", async () => {
  const { server, client, session, token } = await going();
  client.socket.terminate();
  await client.closed();
  const other = await connect(server);
  await other.request("resumed", { type: "resume", session, token, tensors: {} });
  expect(Planner.stoppedBy).toEqual(["connection_lost"]);
  const again = await other.request("planned", { type: "plan", session, horizon: 1, tensors: {} });
  expect(again).toMatchObject({ plannedReturn: 1, tick: 0 });
});

it("once stopped lets go on what waits behind it, and a step that runs is not stopped", async () => {
  const { client, session } = await going();
  client.send({ type: "step", id: 8, session, tick: 1, tensors: { action: action(0.5) } });
  await client.request("cancelled", { type: "cancel", target: 7, tensors: {} });
  expect(await client.takeType("stepped")).toMatchObject({ id: 8, tick: 1 });
  const late = await client.request("cancelled", { type: "cancel", target: 7, tensors: {} });
  expect(late.removed).toBe(false);
});
