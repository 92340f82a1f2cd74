// The thread that ONNX Runtime runs in, as who opens a world sees it.
import { execFile } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import type { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { TINY_WORLD } from "../../../../test/fixtures/worlds.js";
import { openWorld } from "../../open-world.js";

const STILL = new Float32Array(20);

// A world, and the thread that it runs in.
async function opened() {
  const begun = once(process, "worker");
  const world = await openWorld(TINY_WORLD, { threads: 1, background: true });
  const [thread] = (await begun) as [Worker];
  const env = await world.open();
  await env.reset({ seed: 1 });
  return { world, env, thread };
}

const lost = expect.objectContaining({ code: "backend_lost" });

describe("a thread that ends", () => {
  it("rejects what waits for it and what comes after it, and the world can still be closed", async () => {
    const { world, env, thread } = await opened();
    const other = await world.open();
    const waiting = [env.step(STILL), other.reset({ seed: 2 })];
    const told = Promise.all(waiting.map((one) => expect(one).rejects.toEqual(lost)));
    await thread.terminate();
    await told;
    await expect(env.step(STILL)).rejects.toEqual(lost);
    await world.close();
  });
});

describe("close", () => {
  it("waits for what runs, ends the thread, and may be called again", async () => {
    const { world, env, thread } = await opened();
    const ended = once(thread, "exit");
    const [step] = await Promise.all([Promise.allSettled([env.step(STILL)]), world.close(), ended]);
    expect(step).toMatchObject([{ status: "rejected", reason: { code: "env_closed" } }]);
    await expect(env.step(STILL)).rejects.toMatchObject({ code: "env_closed" });
    await world.close();
  });

  it("may be called twice at once", async () => {
    const { world } = await opened();
    await Promise.all([world.close(), world.close()]);
  });
});

it.each([true, false])("a process that closes nothing ends when its work is done (background: %s)", {
  timeout: 30_000,
}, async (background) => {
  const script = `
    const { openWorld } = await import("@worldstep/engine");
    const world = await openWorld(${JSON.stringify(TINY_WORLD)}, { threads: 1, background: ${background} });
    const env = await world.open();
    await env.reset({ seed: 1 });
    console.log((await env.step(new Float32Array(20))).info.tick);`;
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], {
    timeout: 20_000,
  });
  expect([stdout, stderr]).toEqual(["1\n", ""]);
});

it.each([true, false])("plans leave no memory behind (background: %s)", { timeout: 60_000 }, async (background) => {
  const script = `
    const { openWorld } = await import("@worldstep/engine");
    const world = await openWorld(${JSON.stringify(TINY_WORLD)}, { threads: 1, background: ${background} });
    const env = await world.open();
    await env.reset({ seed: 1 });
    const held = async (plans) => {
      for (let i = 0; i < plans; i++) await env.plan({ task: world.spec.tasks[1], samples: 256, iterations: 1 });
      for (let i = 0; i < 2; i++) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        globalThis.gc();
      }
      return process.memoryUsage().arrayBuffers;
    };
    const before = await held(5);
    console.log((await held(20)) - before);`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", "--input-type=module", "-e", script], {
    timeout: 50_000,
  });
  expect(Number(stdout)).toBeLessThan(1e6); // 20 plans' inputs are ten times as much
});

it("has the bits of a world on the caller's thread, and goes on from its snapshots", async () => {
  const { world, env } = await opened();
  const here = await openWorld(TINY_WORLD, { threads: 1 });
  const other = await here.open();
  await other.reset({ seed: 1 });
  expect(await other.step(STILL)).toEqual(await env.step(STILL));
  await other.restore?.((await env.snapshot?.()) as Uint8Array);
  expect(await other.step(STILL)).toEqual(await env.step(STILL));
  await Promise.all([world.close(), here.close()]);
});

it("the thread that opened a world serves others while the world runs", async () => {
  const { world, env } = await opened();
  let [turns, isDone] = [0, false];
  const steps = (async () => {
    for (let i = 0; i < 5; i++) await env.step(STILL);
    isDone = true;
  })();
  for (; !isDone; turns++) await new Promise((resolve) => setImmediate(resolve));
  await steps;
  expect(turns).toBeGreaterThan(200); // on the same thread a step gives others about four turns
  await world.close();
});
