// The contract of `Env`, checked on a dreamed world in this process and behind a server.
import { type OpenWorld, openWorld } from "@worldstep/engine";
import { checkEnv, connect, observe } from "@worldstep/sdk";
import { serve } from "@worldstep/server";
import { pino } from "pino";
import { lastValueFrom, toArray } from "rxjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TINY_WORLD } from "./fixtures/worlds.js";

describe.each(["fp32", "int8"] as const)("a dreamed world in %s", (precision) => {
  let world: OpenWorld;
  beforeAll(async () => {
    world = await openWorld(TINY_WORLD, { precision });
  });
  afterAll(() => world.close());

  it("keeps the contract of Env", async () => {
    expect((await checkEnv(() => world.open())).ok).toBe(true);
  });
});

it("behind a server keeps it too, and a plan is dreamed as it is in this process", async () => {
  const world = await openWorld(TINY_WORLD, { threads: 1 });
  const server = await serve({ worlds: [world], logger: pino({ level: "silent" }) });
  const connection = await connect(server.url.replace("http", "ws"));
  try {
    expect((await checkEnv(() => connection.open())).ok).toBe(true);
    // The gripper turns in the fourth tick: and the tiny world takes 3 ticks: chunks of 3, 1, 3 and 3.
    const plan = Array.from({ length: 10 }, (_, i) => Array(4).fill([0, 0, 0, 0, i < 3 ? 1 : -1]));
    const [here, there] = [observe(await world.open()), await connection.open()];
    const dreams = [here, there].map(async (env) => {
      await env.reset({ seed: 5, maxTicks: 0 });
      return lastValueFrom(env.rolloutPlan(plan).pipe(toArray()));
    });
    const [local, remote] = await Promise.all(dreams);
    expect(local?.map(({ info }) => info.tick)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(remote).toEqual(local);
    await here.reset({ seed: 5, maxTicks: 0 });
    for (const chunk of [plan.slice(0, 3), plan.slice(3, 4), plan.slice(4, 7), plan.slice(7)]) {
      expect(await here.stepChunk(chunk)).toEqual(local?.splice(0, chunk.length));
    }
  } finally {
    await connection.close();
    await server.close();
    await world.close();
  }
});
