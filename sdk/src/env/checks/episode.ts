// Resets and steps: results in the space, the same for the same seed and actions, and episodes that end as they should.
import {
  type Env,
  elementCount,
  type Observation,
  type StepResult,
  stepChunk,
  type Tensor,
} from "@worldstep/protocols";
import type { CheckContext, NamedCheck } from "./check.js";
import {
  actionAt,
  expect,
  expectEqual,
  expectObservation,
  expectRefusal,
  expectSame,
  sameObservation,
} from "./expect.js";

export const episodeChecks: readonly NamedCheck[] = [
  [
    "reset: every task and start gives an observation in the space",
    async ({ open, seed }) => {
      const env = await open();
      for (const options of [
        ...env.spec.tasks.map((task) => ({ task })),
        ...env.spec.starts.map((start) => ({ start })),
      ]) {
        const { observation, info } = await env.reset({ seed, ...options });
        const when = `after reset(${JSON.stringify(options)})`;
        expectObservation(env.spec.observationSpace, observation, when);
        expectFramesEqual(observation, when);
        expectEqual(JSON.parse(JSON.stringify(info)), info, `info ${when} as JSON`);
      }
    },
  ],
  [
    "reset: the same seed gives the same observation and info, in one env and in another",
    async ({ open, seed }) => {
      const env = await open();
      const first = await env.reset({ seed });
      await env.step(actionAt(env, 0));
      expectSame(await env.reset({ seed }), first, "the second reset of one env");
      expectSame(await (await open()).reset({ seed }), first, "the reset of another env");
    },
  ],
  [
    "reset: other seeds give other observations",
    async ({ open, seed }) => {
      const env = await open();
      if (env.spec.starts.length === 1) return;
      const { observation } = await env.reset({ seed });
      for (let i = 1; i <= 8; i++) {
        const other = await env.reset({ seed: seed + i });
        if (!sameObservation(other.observation, observation)) return;
      }
      expect(false, `seeds ${seed} to ${seed + 8} all give one observation`);
    },
  ],
  [
    "reset: without a seed the env goes on with its random numbers",
    async ({ open, seed }) => {
      const env = await open();
      if (env.spec.starts.length > 0) return;
      const first = await env.reset({ seed });
      for (let i = 0; i < 8; i++) {
        const next = await env.reset();
        if (!sameObservation(next.observation, first.observation)) return;
      }
      expect(false, "8 resets without a seed all gave the start of the seed before");
    },
  ],
  [
    "step: observations in the space, a finite reward, plain info",
    async ({ open, seed, ticks }) => {
      const env = await open();
      await env.reset({ seed });
      for (let i = 0; i < ticks; i++) {
        const { observation, reward, terminated, truncated, info } = await env.step(actionAt(env, i));
        expectObservation(env.spec.observationSpace, observation, `after step ${i}`);
        expect(Number.isFinite(reward), `reward is ${reward} after step ${i}`);
        expectEqual([typeof terminated, typeof truncated], ["boolean", "boolean"], "types of terminated and truncated");
        expectEqual(JSON.parse(JSON.stringify(info)), info, `info after step ${i} as JSON`);
        if (terminated || truncated) return;
      }
    },
  ],
  [
    "step: the same seed and actions give the same results, alone, among others and issued at once",
    async (context) => {
      const alone = await rollOut(await context.open(), context);
      const envs = [await context.open(), await context.open()];
      const among = await Promise.all(envs.map((env) => rollOut(env, context)));
      for (const [i, results] of among.entries()) expectSameRollout(results, alone, `env ${i} of two`);
      expectSameRollout(await rollOutAtOnce(await context.open(), context), alone, "steps issued at once");
    },
  ],
  [
    "step: results are not overwritten by later steps",
    async ({ open, seed }) => {
      const env = await open();
      const first = await env.reset({ seed });
      const copy = structuredClone(first);
      await env.step(actionAt(env, 0));
      expectSame(first, copy, "the reset's result after a step");
    },
  ],
  [
    "step: an action block is taken in each of its forms",
    async ({ open, seed }) => {
      const env = await open();
      const flat = actionAt(env, 0);
      const [rows = 0, size = 0] = env.spec.actionSpace.shape;
      const nested = Array.from({ length: rows }, (_, i) => [...flat.slice(i * size, (i + 1) * size)]);
      await env.reset({ seed });
      const expected = await env.step(flat);
      for (const action of [nested, [...flat], { dtype: "float32", shape: [rows, size], data: flat } as const]) {
        await env.reset({ seed });
        expectSame(await env.step(action), expected, "the result of one action in another form");
      }
    },
  ],
  [
    "episode: truncated, not terminated, at maxTicks, and not before",
    async ({ open, seed, ticks }) => {
      const env = await open();
      const still = new Float32Array(elementCount(env.spec.actionSpace.shape));
      await env.reset({ seed, maxTicks: ticks });
      for (let i = 1; i <= ticks; i++) {
        const { terminated, truncated } = await env.step(still);
        expectEqual({ terminated, truncated }, { terminated: false, truncated: i === ticks }, `tick ${i} of ${ticks}`);
      }
    },
  ],
  [
    "stepChunk: as the spec says, the same again, and one tick is a step",
    async ({ open, seed }) => {
      const env = await open();
      const { chunk } = env.spec;
      const plan = Array.from({ length: chunk ?? 1 }, (_, i) => actionAt(env, i));
      await env.reset({ seed, maxTicks: 0 });
      const chunked = await stepChunk(env, plan);
      const ended = chunked.at(-1)?.terminated === true;
      expect(chunked.length === plan.length || ended, `${chunked.length} results for ${plan.length} actions`);
      for (const [i, { observation }] of chunked.entries()) {
        expectObservation(env.spec.observationSpace, observation, `of tick ${i} of a chunk`);
      }
      await env.reset({ seed, maxTicks: 0 });
      expectSameRollout(await stepChunk(env, plan), chunked, "the second chunk from the same seed");
      const maxTicks = Math.ceil(plan.length / 2);
      await env.reset({ seed, maxTicks });
      const cut = (await stepChunk(env, plan)).map(({ observation }) => ({ observation }));
      const shown = chunked.slice(0, maxTicks).map(({ observation }) => ({ observation }));
      expectSameRollout(cut, shown, "the chunk in an episode that ends within it");
      await env.reset({ seed });
      const step = await env.step(plan[0] as Float32Array);
      await env.reset({ seed });
      expectSameRollout(await stepChunk(env, plan.slice(0, 1)), [step], "a chunk of one tick");
      await expectRefusal(
        () => stepChunk(env, [...plan, actionAt(env, plan.length)]),
        "action_chunk",
        "too long a chunk",
      );
      await expectRefusal(() => stepChunk(env, []), "action_chunk", "a chunk without actions");
    },
  ],
  [
    "reset: frames are taken as the spec says",
    async ({ open, seed }) => {
      const env = await open();
      if (!env.spec.acceptsFrames) return;
      const { observation } = await env.reset({ seed });
      const { shape, data } = observation.frames as Tensor;
      const one = elementCount(shape.slice(1));
      const frames = { dtype: "uint8", shape: [1, ...shape.slice(1)], data: data.slice(0, one) as Uint8Array } as const;
      const first = await env.reset({ seed, frames });
      expectObservation(env.spec.observationSpace, first.observation, "after reset({ frames })");
      expectSame(await env.reset({ seed, frames }), first, "the second reset from the same frames");
      const { proprioception } = observation;
      const { proprioception: shown } = (await env.reset({ seed, frames, proprioception })).observation;
      expect(sameObservation({ proprioception: shown }, { proprioception }), "the proprioception given is not shown");
    },
  ],
];

// Until the episode ends, at most `ticks`.
async function rollOut(env: Env, { seed, ticks }: CheckContext): Promise<StepResult[]> {
  await env.reset({ seed });
  const results: StepResult[] = [];
  for (let i = 0; i < ticks; i++) {
    const result = await env.step(actionAt(env, i));
    results.push(result);
    if (result.terminated || result.truncated) break;
  }
  return results;
}

// Calls on one env run in the order in which they were made, awaited or not. Steps after the end are refused.
async function rollOutAtOnce(env: Env, { seed, ticks }: CheckContext): Promise<StepResult[]> {
  const reset = env.reset({ seed });
  const steps = Array.from({ length: ticks }, (_, i) => env.step(actionAt(env, i)));
  const [, ...outcomes] = await Promise.allSettled([reset, ...steps]);
  return outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
}

function expectSameRollout(
  got: readonly Partial<StepResult>[],
  expected: readonly Partial<StepResult>[],
  what: string,
): void {
  expectEqual(got.length, expected.length, `ticks of ${what}`);
  for (const [i, result] of expected.entries())
    expectSame(got[i] as Partial<StepResult>, result, `step ${i} of ${what}`);
}

// After a reset `frames` is the first frame, `stride` times.
function expectFramesEqual({ frames }: Observation, when: string): void {
  if (frames === undefined) return;
  const size = elementCount(frames.shape.slice(1));
  const differs = frames.data.findIndex((value, i) => value !== frames.data[i % size]);
  expect(differs < 0, `the frames ${when} are not one frame, repeated`);
}
