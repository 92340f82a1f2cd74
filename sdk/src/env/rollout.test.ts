import fc from "fast-check";
import { from, lastValueFrom, map, Observable, of, Subject, startWith, take, throwError, toArray } from "rxjs";
import { expect, test } from "vitest";
import { block, CounterWorld } from "../../test/counter-world.js";
import { observe } from "./streams.js";

async function running(options = {}, maxTicks = 0) {
  const world = new CounterWorld(options);
  await world.reset({ seed: 1, maxTicks });
  return { world, env: observe(world) };
}

const value = (i: number) => Math.fround(i / 100);

test("an async iterable is asked for the next action only when the step before is done", async () => {
  const { world, env } = await running({ delayMs: 1 });
  const asked: number[] = [];
  async function* actions() {
    for (let i = 0; i < 4; i++) {
      asked.push(world.tick);
      yield block(value(i));
    }
  }
  const results = await lastValueFrom(env.rollout(actions()).pipe(toArray()));
  expect(results.map(({ info }) => info.tick)).toEqual([1, 2, 3, 4]);
  expect(asked).toEqual([0, 1, 2, 3]);
  expect(world.maxInFlight).toBe(1);
});

test("a rollout completes when the episode ends, and takes nothing more", async () => {
  const { world, env } = await running({}, 3);
  let finished = false;
  function* actions() {
    try {
      for (;;) yield block(0.1);
    } finally {
      finished = true;
    }
  }
  const results = await lastValueFrom(env.rollout(actions()).pipe(toArray()));
  expect(results.map(({ truncated }) => truncated)).toEqual([false, false, true]);
  expect(finished).toBe(true);
  expect(world.tick).toBe(3);
});

test("a policy may feed on the env's own steps", async () => {
  const { env } = await running({}, 4);
  const actions$ = env.steps$.pipe(
    map(({ tick }) => block(value(tick))),
    startWith(block(0)),
  );
  const results = await lastValueFrom(env.rollout(actions$).pipe(toArray()));
  expect(results.map(({ reward }) => Math.fround(reward))).toEqual([0, 1, 2, 3].map(value));
});

test("errors of the env and of the source are the observer's, and the env goes on", async () => {
  const { world, env } = await running();
  const bad = env.rollout([block(0.1), block(Number.NaN), block(0.1)]);
  await expect(lastValueFrom(bad)).rejects.toMatchObject({ code: "action_not_finite" });
  await expect(lastValueFrom(env.rollout(throwError(() => new Error("no signal"))))).rejects.toThrow("no signal");
  await lastValueFrom(env.rollout([block(0.1)]));
  expect(world.tick).toBe(2);
});

test("unsubscribing stops the stepping", async () => {
  const { world, env } = await running({ delayMs: 1 });
  let open = true;
  const endless = new Observable<Float32Array>((observer) => {
    observer.next(block(0.1));
    const timer = setInterval(() => observer.next(block(0.1)), 5);
    return () => {
      open = false;
      clearInterval(timer);
    };
  });
  await lastValueFrom(env.rollout(endless).pipe(take(2)));
  const { tick } = world;
  await new Promise((done) => setTimeout(done, 20));
  expect(world.tick).toBe(tick);
  expect(open).toBe(false);
});

test.each([
  [{}, [0, 1, 2, 3, 4]],
  [{ buffer: 3 }, "rollout_overflow"],
  [{ buffer: 5 }, [0, 1, 2, 3, 4]],
  [{ overflow: "latest", buffer: 1 }, [0, 4]],
  [{ overflow: "drop", buffer: 1 }, [0, 1]],
  [{ overflow: "drop", buffer: 0 }, [0]],
  [{ overflow: "latest", buffer: 2 }, [0, 3, 4]],
] as const)("five actions at once with %o: %o", async (options, expected) => {
  const { env } = await running();
  const results = lastValueFrom(
    env.rollout(from([0, 1, 2, 3, 4].map((i) => block(value(i)))), options).pipe(toArray()),
  );
  if (typeof expected === "string") await expect(results).rejects.toMatchObject({ code: expected });
  else expect((await results).map(({ reward }) => Math.round(reward * 100))).toEqual(expected);
});

test.each([
  [{ buffer: -1 }, "option_rollout"],
  [{ buffer: 0.5 }, "option_rollout"],
  [{ buffer: Number.NaN }, "option_rollout"],
  [{ overflow: "newest" }, "option_rollout"],
  [{ overFlow: "latest" }, "option_unknown"],
  [{ nfe: 3 }, "option_nfe"],
])("%o is refused at once", async (options, code) => {
  const { env } = await running();
  expect(() => env.rollout([block(0)], options as object)).toThrow(expect.objectContaining({ code }));
});

test("an empty source gives an empty rollout", async () => {
  const { env } = await running();
  expect(await lastValueFrom(env.rollout(of<Float32Array>()).pipe(toArray()))).toEqual([]);
});

test("whatever the pace of the source, no step overlaps another, and order is kept", async () => {
  const schedule = fc.array(fc.constantFrom("send", "turn", "tick"), { maxLength: 40 });
  const policy = fc.constantFrom("error", "latest", "drop");
  await fc.assert(
    fc.asyncProperty(schedule, fc.integer({ min: 0, max: 3 }), policy, async (moments, buffer, overflow) => {
      const { world, env } = await running({ delayMs: 0 });
      const source = new Subject<Float32Array>();
      const failed: unknown[] = [];
      let done = false;
      const end = new Promise<void>((resolve) => {
        env.rollout(source, { buffer, overflow }).subscribe({
          error: (error) => {
            failed.push(error);
            resolve();
          },
          complete: () => {
            done = true;
            resolve();
          },
        });
      });
      let sent = 0;
      for (const moment of moments) {
        if (moment === "send") source.next(block(value(sent++)));
        else if (moment === "turn") await Promise.resolve();
        else await new Promise((resolve) => setTimeout(resolve, 1));
      }
      source.complete();
      await end;
      const taken = world.actionsTaken.map((action) => Math.round(action * 100));
      expect(world.maxInFlight).toBeLessThanOrEqual(1);
      expect(taken).toEqual([...taken].sort((a, b) => a - b));
      expect(new Set(taken).size).toBe(taken.length);
      if (overflow === "error" && done) expect(taken.length).toBe(sent);
      if (overflow === "latest" && done && buffer > 0 && sent > 0) expect(taken.at(-1)).toBe(sent - 1);
      if (overflow !== "error") expect(failed).toEqual([]);
    }),
    { numRuns: 60 },
  );
});
