// The contract of `Env`, checked on a dreamed world in this process.
import { type OpenWorld, openWorld } from "@worldstep/engine";
import { checkEnv } from "@worldstep/sdk";
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
