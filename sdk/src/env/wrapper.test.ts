// Everything that stands around an env is an env like others, and forks and snapshots go through it.
import { type Env, type StepResult, stepChunk } from "@worldstep/protocols";
import { expect, test } from "vitest";
import { ChunkedCounter } from "../../test/chunked-counter.js";
import { block, CounterWorld } from "../../test/counter-world.js";
import { checkEnv } from "./check-env.js";
import { record } from "./record.js";
import { observe, type StepEvent, type StreamEnv } from "./streams.js";
import { Wrapper } from "./wrapper.js";

const wrappers: readonly [string, (env: Env) => Env][] = [
  ["a wrapper", (env) => new Wrapper(env)],
  ["a recorded env", record],
  ["an observed env", observe],
  ["a recorded, observed, wrapped env", (env) => record(observe(new Wrapper(env)))],
];

test.each(wrappers)("%s passes checkEnv", async (_, wrap) => {
  for (const open of [() => new CounterWorld(), () => new ChunkedCounter()]) {
    const { checks } = await checkEnv(async () => wrap(open()), { throwOnFailure: false });
    expect(checks.filter(({ ok }) => !ok)).toEqual([]);
  }
});

test("a wrapper that says nothing of forks can't fork, and keeps no env open", async () => {
  let open = 0;
  class Counted extends CounterWorld {
    override async fork(): Promise<CounterWorld> {
      open += 1;
      const made = await super.fork();
      const close = made.close.bind(made);
      made.close = async () => {
        open -= 1;
        await close();
      };
      return made;
    }
  }
  class Silent extends Wrapper {}
  const env = new Silent(new Counted());
  await env.reset({ seed: 1 });
  await expect(env.fork()).rejects.toMatchObject({ code: "env_cannot_fork" });
  expect(open).toBe(0);
});

test("an env without forks and snapshots says so", async () => {
  const { spec, reset, step, close } = new CounterWorld();
  const env = new Wrapper<Env>({ spec, reset, step, close });
  await expect(env.fork()).rejects.toMatchObject({ code: "env_cannot_fork" });
  await expect(env.snapshot()).rejects.toMatchObject({ code: "env_cannot_snapshot" });
  await expect(env.restore(new Uint8Array(8))).rejects.toMatchObject({ code: "env_cannot_snapshot" });
});

test("the streams of a fork number its ticks on from where it was asked for", async () => {
  const env = observe(new ChunkedCounter());
  await env.reset({ seed: 1, maxTicks: 0 });
  const calls = [env.step(block(0.1)), stepChunk(env, [block(0.1), block(0.2)])];
  const fork = env.fork();
  const later = env.step(block(0.3));
  const ticks = ticksOf(await fork);
  await (await fork).step(block(0.5));
  await Promise.all([...calls, later]);
  expect(ticks).toEqual([4]);
  const bytes = await env.snapshot();
  const restored = observe(new ChunkedCounter());
  await restored.restore(bytes);
  const more = ticksOf(restored);
  await restored.step(block(0.5));
  expect(more).toEqual([5]);
});

test("a recording goes on in a fork, and from a snapshot", async () => {
  const env = record(new CounterWorld());
  await env.reset({ seed: 3, maxTicks: 0 });
  await env.step(block(0.1));
  const [fork, bytes] = [await env.fork(), await env.snapshot()];
  await env.step(block(0.2));
  await fork.step(block(0.7));
  expect(env.episodes.map(({ actions }) => actions.map(({ data }) => data))).toEqual([[block(0.1), block(0.2)]]);
  expect(fork.episodes.map(({ actions }) => actions.map(({ data }) => data))).toEqual([[block(0.1), block(0.7)]]);
  const restored = record(new CounterWorld());
  await restored.restore(bytes);
  await restored.step(block(0.2));
  expect(restored.episodes).toEqual(env.episodes);
});

function ticksOf(env: StreamEnv): number[] {
  const ticks: number[] = [];
  env.steps$.subscribe((event) => ticks.push((event as StepEvent & StepResult).tick));
  return ticks;
}
