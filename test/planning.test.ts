// Planning in a world: the policy of the SDK, and examples/planning as a user runs it.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type OpenWorld, openWorld } from "@worldstep/engine";
import { type Env, plan } from "@worldstep/protocols";
import { connect, defaultObservation, newestFrame, planningPolicy } from "@worldstep/sdk";
import { createSimulator } from "@worldstep/tabletop";
import { pino } from "pino";
import { PNG } from "pngjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serve } from "../engine/server/src/server.js";
import { writeRandomWorld } from "./fixtures/random-world.js";
import { TINY_WORLD } from "./fixtures/worlds.js";

describe("a plan on a server", () => {
  let world: OpenWorld;
  beforeAll(async () => {
    world = await openWorld(TINY_WORLD, { threads: 1 });
  });
  afterAll(() => world.close());

  // Half a minute of work, if it is not stopped.
  const long = () => ({ task: world.spec.tasks[1] as string, horizon: 64, samples: 512, iterations: 16 });

  it.each(["its signal", "the timeout"])("ends by %s, and the server goes on with other things", async (by) => {
    const server = await serve({ worlds: [world], logger: pino({ level: "silent" }) });
    const connection = await connect(server.url.replace("http", "ws"), {
      timeoutMs: by === "the timeout" ? 400 : 60_000,
    });
    try {
      const env = await connection.open();
      await env.reset({ seed: 1 });
      const stop = new AbortController();
      const planned = plan(env, long(), { signal: stop.signal });
      planned.catch(() => {}); // looked at below
      await new Promise((resolve) => setTimeout(resolve, 200));
      if (by === "its signal") stop.abort();
      const code = by === "its signal" ? "request_cancelled" : "request_timeout";
      await expect(planned).rejects.toMatchObject({ code });
      expect((await env.step(new Float32Array(20))).info.tick).toBe(1);
    } finally {
      await connection.close();
      await server.close();
    }
  });
});

describe("planningPolicy", () => {
  let world: OpenWorld;
  let [dream, real] = [] as unknown as [Env, Env];
  beforeAll(async () => {
    world = await openWorld(TINY_WORLD, { threads: 1 });
    [dream, real] = [await world.open(), await world.open()];
  });
  afterAll(() => world.close());

  const options = () => ({ task: world.spec.tasks[1] as string, horizon: 3, samples: 8, iterations: 2 });

  async function acted(every: number, seed = 4): Promise<Float32Array[]> {
    const policy = planningPolicy(dream, { ...options(), every });
    await policy.reset(seed);
    let { observation } = await real.reset({ seed: 1, maxTicks: 0 });
    const actions: Float32Array[] = [];
    for (let tick = 0; tick < 4; tick++) {
      actions.push(await policy.act(observation));
      ({ observation } = await real.step(actions.at(-1) as Float32Array));
    }
    await policy.close();
    return actions;
  }

  it("acts the same for the same seed and observations, with what the best plan says", async () => {
    const actions = await acted(2);
    expect(await acted(2)).toEqual(actions);
    expect(await acted(2, 5)).not.toEqual(actions);
    const { observation } = await real.reset({ seed: 1, maxTicks: 0 });
    const newest = observation.frames.data.slice(-observation.frames.data.length / world.spec.stride);
    const frames = { ...observation.frames, shape: [1, ...observation.frames.shape.slice(1)], data: newest };
    await dream.reset({ seed: 4, maxTicks: 0, frames, proprioception: observation.proprioception });
    const made = await dream.plan?.({ ...options(), seed: 4 });
    expect([...(actions[0] as Float32Array), ...(actions[1] as Float32Array)]).toEqual(
      [...(made?.actions.data ?? [])].slice(0, 40),
    );
  });

  it("looks again after as many ticks as it is told", async () => {
    const [often, seldom] = [await acted(1), await acted(3)];
    expect(often[0]).toEqual(seldom[0]); // both of the first plan
    expect(often[1]).not.toEqual(seldom[1]);
  });

  it("plans from frames alone, and refuses an observation without any", async () => {
    const policy = planningPolicy(dream, options());
    await policy.reset(4);
    await real.reset({ seed: 1, maxTicks: 0 });
    const still = new Float32Array(20);
    const { observation: frames } = await real.step(still, { observe: ["frames"] });
    expect(await policy.act(frames)).toHaveLength(20);
    const { observation: state } = await real.step(still, { observe: ["state"] });
    await expect(policy.act(state)).rejects.toMatchObject({ code: "tensor_missing", facts: { name: "frames" } });
    expect(() => newestFrame(state)).toThrow(expect.objectContaining({ code: "tensor_missing" }));
    for (const shown of [frames, state]) {
      expect(() => defaultObservation(shown)).toThrow(expect.objectContaining({ code: "tensor_missing" }));
    }
  });

  it("refuses what can't plan, and what it can't do", async () => {
    const simulator = await createSimulator();
    expect(() => planningPolicy(simulator)).toThrow(expect.objectContaining({ code: "env_cannot_plan" }));
    await simulator.close();
    for (const every of [0, 4, 1.5]) {
      const make = () => planningPolicy(dream, { ...options(), every });
      expect(make).toThrow(expect.objectContaining({ code: "option_plan" }));
    }
  });
});

describe("examples/planning", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "worldstep-planning-"));
    await mkdir(join(folder, "world"));
    await writeRandomWorld(join(folder, "world"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("plans, plays the script beside, and shows both", { timeout: 120_000 }, async () => {
    const small = ["--starts", "2", "--ticks", "3", "--samples", "8", "--iterations", "1", "--horizon", "3"];
    const out = join(folder, "out");
    const args = ["examples/planning/dist/main.js", "--world", join(folder, "world"), "--out", out, ...small];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(stdout).toMatch(/planned in the dream +[01]\.\d\d \[/);
    expect(PNG.sync.read(await readFile(join(out, "episodes-push.png"))).width).toBeGreaterThan(400);
    const result = JSON.parse(await readFile(join(out, "result-push.json"), "utf8"));
    expect(result).toMatchObject({ task: "push", starts: 2, episodes: [{ ticks: 3 }, { ticks: 3 }] });
  });
});
