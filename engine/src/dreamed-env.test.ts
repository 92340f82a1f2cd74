// A dreamed world through the `Env` interface.
import {
  type Env,
  type FloatTensor,
  floatTensor,
  type PlanOptions,
  type ResetOptions,
  type StateChannel,
  type StepResult,
  stateName,
  WorldError,
} from "@worldstep/protocols";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readGoldens, TINY_WORLD } from "../../test/fixtures/worlds.js";
import type { Backend, Program } from "./backend.js";
import { OrtBackend } from "./backends/ort/backend.js";
import { DreamedEnv } from "./dreamed-env.js";
import { Networks } from "./networks.js";
import { type OpenWorld, openWorld } from "./open-world.js";
import { FolderSource } from "./world/folder.js";
import { loadWorld, type StartState, specOf } from "./world/world.js";
import { WorldModel } from "./world-model.js";

let world: OpenWorld;

beforeAll(async () => {
  world = await openWorld(TINY_WORLD, { threads: 1 });
});
afterAll(() => world.close());

// A reproducible action block for tick i.
const action = (i: number) => Float32Array.from({ length: 20 }, (_, j) => Math.sin(1 + i * 20 + j));

async function rollOut(env: Env, options: ResetOptions, ticks: number, nfe = 2): Promise<StepResult[]> {
  const first = await env.reset(options);
  const results = [{ ...first, reward: 0, terminated: false, truncated: false }];
  for (let i = 0; i < ticks; i++) results.push(await env.step(action(i), { nfe }));
  return results;
}

async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  return promise.then(
    () => undefined,
    (error: unknown) => (error instanceof WorldError ? error.code : String(error)),
  );
}

/** The tiny world on a backend whose runs are what `around` makes of them. */
async function tinyWith(around: (run: Program["run"]) => Program["run"]) {
  const loaded = await loadWorld(new FolderSource(TINY_WORLD));
  const ort = new OrtBackend({ threads: 1 });
  const backend: Backend = {
    kind: ort.kind,
    compile: async (...args) => {
      const program = await ort.compile(...args);
      return { ...program, run: around((...given) => program.run(...given)) };
    },
    close: () => ort.close(),
  };
  const model = new WorldModel(loaded.manifest, await Networks.open(loaded, backend, "fp32"));
  return { open: () => new DreamedEnv(specOf(loaded.manifest), model, loaded), close: () => ort.close() };
}

describe("determinism", () => {
  it("same seed and actions give the same bits: again, in another session of the backend, and among 8 others", async () => {
    const alone = await rollOut(await world.open(), { seed: 11 }, 8);
    const env = await world.open();
    await rollOut(env, { seed: 12 }, 3);
    expect(await rollOut(env, { seed: 11 }, 8)).toEqual(alone);

    const fresh = await openWorld(TINY_WORLD, { threads: 1 });
    expect(await rollOut(await fresh.open(), { seed: 11 }, 8)).toEqual(alone);
    await fresh.close();

    const envs = await Promise.all(Array.from({ length: 9 }, () => world.open()));
    const among = await Promise.all(
      envs.map((other, i) => rollOut(other, { seed: i === 4 ? 11 : 20 + i }, 8, i === 4 ? 2 : 1 + i)),
    );
    expect(among[4]).toEqual(alone);
    expect(among[3]).not.toEqual(alone);
  });

  it("another seed gives other noise from the same start", async () => {
    const env = await world.open();
    const [one, two] = [
      await rollOut(env, { seed: 1, start: "noon" }, 1),
      await rollOut(env, { seed: 2, start: "noon" }, 1),
    ];
    expect(one[0]?.observation).toEqual(two[0]?.observation);
    expect(one[1]?.observation).not.toEqual(two[1]?.observation);
  });

  it("actions and the number of evaluations matter", async () => {
    const env = await world.open();
    await env.reset({ seed: 1 });
    const plain = await env.step(action(0), { nfe: 1 });
    await env.reset({ seed: 1 });
    expect((await env.step(action(1), { nfe: 1 })).observation).not.toEqual(plain.observation);
    await env.reset({ seed: 1 });
    expect((await env.step(action(0), { nfe: 3 })).observation).not.toEqual(plain.observation);
  });

  it("without a seed it goes on with its own numbers, and info.seed replays the episode", async () => {
    const [a, b] = [await world.open(), await world.open()];
    for (const env of [a, b]) await env.reset({ seed: 5 });
    const [first, second] = [await rollOut(a, {}, 2), await rollOut(b, {}, 2)];
    expect(first).toEqual(second);
    expect(first[0]?.info.seed).not.toBe(5);
    expect(await rollOut(b, { seed: first[0]?.info.seed as number }, 2)).toEqual(first);
    const [c, d] = [await (await world.open()).reset(), await (await world.open()).reset()];
    expect(c.info.seed).not.toBe(d.info.seed);
  });
});

describe("a reset", () => {
  it("shows the start state, four times, and knows its seed, task and tick", async () => {
    const env = await world.open();
    const { observation, info } = await env.reset({ seed: 3, start: "dusk", task: "push" });
    const start = (await loadWorld(new FolderSource(TINY_WORLD))).starts.get("dusk") as StartState;
    const one = [...start.frames];
    expect([...(observation.frames?.data ?? [])]).toEqual([...one, ...one, ...one, ...one]);
    expect(observation.proprioception?.data).toEqual(start.proprioception);
    expect(info).toMatchObject({ tick: 0, task: "push", seed: 3 });
  });

  it("from one frame and its proprioception equals the named start that has them", async () => {
    const env = await world.open();
    const named = await rollOut(env, { seed: 3, start: "dawn" }, 2);
    const [, height = 0, width = 0] = named[0]?.observation.frames?.shape ?? [];
    const data = Uint8Array.from(named[0]?.observation.frames?.data ?? []).slice(0, height * width * 3);
    const frames = { dtype: "uint8", shape: [1, height, width, 3], data } as const;
    const proprioception = named[0]?.observation.proprioception as FloatTensor;
    expect(await rollOut(env, { seed: 3, frames, proprioception }, 2)).toEqual(named);
    const read = await rollOut(env, { seed: 3, frames }, 2);
    expect(read[0]?.observation.proprioception).not.toEqual(proprioception);
    expect(read[1]?.observation).not.toEqual(named[1]?.observation);
  });

  it("from frames and actions starts at the last frame, with what came before in memory", async () => {
    const env = await world.open();
    const goldens = await readGoldens();
    const [stride = 0, height = 0, width = 0] = env.spec.observationSpace.spaces.frames?.shape ?? [];
    const size = height * width * 3;
    const from = (n: number) =>
      ({
        seed: 3,
        frames: {
          dtype: "uint8",
          shape: [1 + stride * n, height, width, 3],
          data: goldens.frames.slice(0, (1 + stride * n) * size),
        },
        actions: {
          dtype: "float32",
          shape: [n, stride, 5],
          data: goldens.get("rollout.actions").data.slice(0, n * stride * 5),
        },
      }) as const;
    const { observation, info } = await env.reset(from(5));
    expect(info.tick).toBe(0);
    expect([...(observation.frames?.data ?? [])]).toEqual([...goldens.frames.slice(-stride * size)]);
    const after = await env.step(action(0));
    const other = { ...from(5), actions: { ...from(5).actions, data: from(5).actions.data.map((x) => -x) } };
    await env.reset(other);
    expect((await env.step(action(0))).observation).not.toEqual(after.observation);
  });

  it.each<[string, ResetOptions | { nfe: number }, string]>([
    ["an unknown option", { nfe: 2 }, "option_unknown"],
    [
      "a start and frames",
      { start: "dawn", frames: { dtype: "uint8", shape: [1, 32, 32, 3], data: new Uint8Array(3072) } },
      "option_start",
    ],
    ["two frames", { frames: { dtype: "uint8", shape: [2, 32, 32, 3], data: new Uint8Array(6144) } }, "option_frames"],
    ["no frames", { frames: { dtype: "uint8", shape: [0, 32, 32, 3], data: new Uint8Array(0) } }, "option_frames"],
    [
      "frames of floats",
      { frames: { dtype: "float32", shape: [1, 32, 32, 3], data: new Float32Array(3072) } },
      "option_frames",
    ],
    [
      "frames with too few bytes",
      { frames: { dtype: "uint8", shape: [1, 32, 32, 3], data: new Uint8Array(3071) } },
      "option_frames",
    ],
    [
      "frames without their actions",
      { frames: { dtype: "uint8", shape: [5, 32, 32, 3], data: new Uint8Array(5 * 3072) } },
      "option_actions",
    ],
    [
      "actions without frames",
      { actions: { dtype: "float32", shape: [1, 4, 5], data: new Float32Array(20) } },
      "option_actions",
    ],
    [
      "proprioception without frames",
      { proprioception: { dtype: "float32", shape: [5], data: new Float32Array(5) } },
      "option_proprioception",
    ],
    [
      "proprioception of another size",
      {
        frames: { dtype: "uint8", shape: [1, 32, 32, 3], data: new Uint8Array(3072) },
        proprioception: { dtype: "float32", shape: [4], data: new Float32Array(4) },
      },
      "option_proprioception",
    ],
    [
      "proprioception that is not finite",
      {
        frames: { dtype: "uint8", shape: [1, 32, 32, 3], data: new Uint8Array(3072) },
        proprioception: { dtype: "float32", shape: [5], data: new Float32Array(5).fill(Number.NaN) },
      },
      "option_proprioception",
    ],
    ...[4.001, -1e38].map((x): [string, ResetOptions, string] => [
      `proprioception of ${x}, outside its space`,
      {
        frames: { dtype: "uint8", shape: [1, 32, 32, 3], data: new Uint8Array(3072) },
        proprioception: { dtype: "float32", shape: [5], data: Float32Array.of(0, 0, 0, 0, x) },
      },
      "option_proprioception",
    ]),
    [
      "an action that is out of range",
      {
        frames: { dtype: "uint8", shape: [5, 32, 32, 3], data: new Uint8Array(5 * 3072) },
        actions: { dtype: "float32", shape: [1, 4, 5], data: new Float32Array(20).fill(1e38) },
      },
      "action_out_of_range",
    ],
    [
      "an action that is not finite",
      {
        frames: { dtype: "uint8", shape: [5, 32, 32, 3], data: new Uint8Array(5 * 3072) },
        actions: { dtype: "float32", shape: [1, 4, 5], data: new Float32Array(20).fill(Number.NaN) },
      },
      "action_not_finite",
    ],
  ])("with %s is refused, and changes nothing", async (_, options, code) => {
    const env = await world.open();
    const expected = await rollOut(env, { seed: 1 }, 2);
    await env.reset({ seed: 1 });
    await env.step(action(0), { nfe: 2 });
    expect(await codeOf(env.reset(options as ResetOptions))).toBe(code);
    expect(await env.step(action(1), { nfe: 2 })).toEqual(expected[2]);
  });
});

describe("an episode", () => {
  it("of play has no reward and no end; of another task it has the world's limit", async () => {
    const env = await world.open();
    await env.reset({ seed: 1 });
    for (let i = 0; i < env.spec.maxTicks + 5; i++) {
      expect(await env.step(action(i))).toMatchObject({ reward: 0, terminated: false, truncated: false });
    }
    await env.reset({ seed: 1, task: "reach", maxTicks: 0 });
    const reached = await env.step(action(0));
    expect(reached.reward).not.toBe(0);
    expect(reached.terminated).toBe((reached.info.successProbability as number) > 0.5);
  });

  it("terminates by the head of its own task", async () => {
    const env = await world.open();
    const ended = [];
    for (const task of env.spec.tasks) {
      await env.reset({ seed: 4, task });
      const { terminated, truncated, info } = await env.step(action(0));
      expect(info.success).toBe(terminated);
      expect(truncated).toBe(false);
      ended.push(terminated);
      expect(await codeOf(env.step(action(1)))).toBe(terminated ? "reset_needed" : undefined);
    }
    expect(new Set(ended).size).toBe(2); // the random heads say yes to some tasks and no to others
  });

  it("takes calls in order, and what was passed when it was passed", async () => {
    const env = await world.open();
    const expected = await rollOut(env, { seed: 1 }, 2);
    const block = action(0);
    const calls = [env.reset({ seed: 1 }), env.step(block, { nfe: 2 }), env.step(action(1), { nfe: 2 })];
    block.fill(0);
    const [, first, second] = await Promise.all(calls);
    expect([first, second]).toEqual(expected.slice(1));
  });
});

describe("a chunk", () => {
  it("of one tick is a step, and a longer one is denoised jointly: the same bits again, and others than tick by tick", async () => {
    const env = await world.open();
    const alone = await rollOut(env, { seed: 3 }, 4);
    await env.reset({ seed: 3 });
    expect(await env.stepChunk?.([action(0)], { nfe: 2 })).toEqual(alone.slice(1, 2));
    const chunk = await env.stepChunk?.([1, 2, 3].map(action), { nfe: 2 });
    expect(chunk?.map(({ info }) => info.tick)).toEqual([2, 3, 4]);
    expect(chunk?.[2]?.observation).not.toEqual(alone[4]?.observation);
    await env.reset({ seed: 3 });
    await env.step(action(0), { nfe: 2 });
    expect(await env.stepChunk?.([1, 2, 3].map(action), { nfe: 2 })).toEqual(chunk);
  });

  it("ends with its episode, whatever it was to do behind that, and the env is not stepped further", async () => {
    const env = await world.open();
    await env.reset({ seed: 3 });
    const whole = await env.stepChunk?.([0, 1, 2].map(action), { nfe: 1 });
    await env.reset({ seed: 3, maxTicks: 2 });
    const ended = await env.stepChunk?.([0, 1, 2].map(action), { nfe: 1 });
    expect(ended?.map(({ truncated }) => truncated)).toEqual([false, true]);
    const shown = whole?.slice(0, 2).map(({ observation }) => observation);
    expect(ended?.map(({ observation }) => observation)).toEqual(shown);
    expect(await codeOf(env.step(action(4)))).toBe("reset_needed");
  });

  it("of no tick, or of more than the world takes, is refused", async () => {
    const env = await world.open();
    await env.reset({ seed: 3 });
    const most = env.spec.chunk as number;
    expect(most).toBeGreaterThan(1);
    const blocks = Array.from({ length: most + 1 }, (_, i) => action(i));
    expect(await codeOf(env.stepChunk?.(blocks) as Promise<unknown>)).toBe("action_chunk");
    expect(await codeOf(env.stepChunk?.([]) as Promise<unknown>)).toBe("action_chunk");
    expect(await env.stepChunk?.(blocks.slice(1))).toHaveLength(most);
  });
});

describe("a failed tick", () => {
  it("leaves the env at its last committed tick, to be retried", async () => {
    const env = await world.open();
    const expected = await rollOut(env, { seed: 1 }, 5);
    await env.reset({ seed: 1 });
    for (let i = 0; i < 5; i++) {
      expect(await codeOf(env.step(new Float32Array(20).fill(2)))).toBe("action_out_of_range");
      expect(await codeOf(env.step(action(i), { nfe: 0 }))).toBe("option_nfe");
      expect(await codeOf(env.step(action(i), { nfe: 51 }))).toBe("option_nfe");
      expect(await codeOf(env.step(action(i), { nfe: 1.5 }))).toBe("option_nfe");
      expect(await env.step(action(i), { nfe: 2 })).toEqual(expected[i + 1]);
    }
  });

  it("that came out as NaN is an error, and commits nothing", async () => {
    let broken = false;
    const { open, close } = await tinyWith((run) => async (...given) => {
      const made = await run(...given);
      if (broken && made.scores) made.scores.data[0] = Number.NaN;
      return made;
    });
    const env = open();
    const expected = await rollOut(env, { seed: 1 }, 2);
    await env.reset({ seed: 1 });
    await env.step(action(0), { nfe: 2 });
    broken = true;
    expect(await codeOf(env.step(action(1), { nfe: 2 }))).toBe("numbers_not_finite");
    expect(await codeOf(env.reset({ seed: 2 }))).toBe("numbers_not_finite");
    const still = floatTensor(new Float32Array(40), [1, 2, 4, 5]);
    expect(await codeOf(env.predict(still))).toBe("numbers_not_finite");
    for (const over of ["state", "world"] as const) {
      const plan = env.plan({ over, task: "push", horizon: 2, samples: 4, iterations: 1 });
      expect(await codeOf(plan)).toBe("numbers_not_finite");
    }
    broken = false;
    expect(await env.step(action(1), { nfe: 2 })).toEqual(expected[2]);
    await close();
  });

  it("because the world was closed is an error, and so is a call after close", async () => {
    const other = await openWorld(TINY_WORLD, { threads: 1 });
    const [env, closed] = [await other.open(), await other.open()];
    await env.reset({ seed: 1 });
    await closed.close();
    await closed.close();
    expect(await codeOf(closed.reset())).toBe("env_closed");
    await other.close();
    expect(await codeOf(env.step(action(0)))).toBe("env_closed");
  });
});

describe("openWorld", () => {
  it("shows a stream as its first frame looks, however long ago that was", async () => {
    const { frames } = await readGoldens();
    const size = 4 * 32 * 32 * 3;
    const tick = (i: number) => frames.slice(i * size, (i + 1) * size);
    const [one, other, later] = [tick(0), new Uint8Array(size).fill(255), tick(1)];
    const last = async (...ticks: Uint8Array[]) =>
      (await world.reconstruct([...ticks, later, later, later, later])).at(-1);
    // Two memory blocks see two ticks back, and the first of these knows the state before it. Of all others a decoder
    // remembers the first frame alone.
    expect(await last(one, other)).toEqual(await last(one));
    expect(await last(one, other)).not.toEqual(await last(other));
  });

  it("takes the id of a world that ships", async () => {
    const world = await openWorld("tabletop-nano");
    expect(world.world.id).toBe("tabletop-nano");
    await world.close();
    expect(await codeOf(openWorld("tabletop-giga"))).toBe("world_missing_file");
  });

  it("refuses unknown options and unusable values", async () => {
    expect(await codeOf(openWorld(TINY_WORLD, { device: "gpu" } as object))).toBe("option_unknown");
    expect(await codeOf(openWorld(TINY_WORLD, { precision: "int4" } as object))).toBe("option_precision");
    expect(await codeOf(openWorld(TINY_WORLD, { keys: "none" } as object))).toBe("option_keys");
    expect(await codeOf(openWorld(TINY_WORLD, { threads: 0 }))).toBe("option_threads");
    expect(await codeOf(openWorld(TINY_WORLD, { background: 1 as unknown as boolean }))).toBe("option_background");
    expect(await codeOf(openWorld(`${TINY_WORLD}-nowhere`))).toBe("world_missing_file");
  });
});

describe("frames on demand", () => {
  it("after any number of ticks that were not shown, frames have the bits that they have else", async () => {
    const whole = await rollOut(await world.open(), { seed: 9 }, 6);
    for (const hidden of [1, 2, 3, 5]) {
      const env = await world.open();
      await env.reset({ seed: 9 });
      for (let i = 0; i < 6; i++) {
        const isShown = i >= hidden;
        const stepped = await env.step(action(i), { nfe: 2, ...(!isShown && { observe: ["state"] }) });
        const { frames: _, ...numbers } = whole[i + 1]?.observation ?? {};
        expect(stepped).toEqual({ ...whole[i + 1], observation: isShown ? whole[i + 1]?.observation : numbers });
      }
    }
  });

  it("a snapshot of what was not shown, restored elsewhere, shows the same", async () => {
    const whole = await rollOut(await world.open(), { seed: 9 }, 5);
    const [env, other] = [await world.open(), await world.open()];
    await env.reset({ seed: 9 });
    for (let i = 0; i < 4; i++) await env.step(action(i), { nfe: 2, observe: ["state"] });
    await other.restore?.((await env.snapshot?.()) as Uint8Array);
    expect(await other.step(action(4), { nfe: 2 })).toEqual(whole[5]);
  });
});

describe("looking ahead", () => {
  const block = (candidate: number, tick: number) =>
    Float32Array.from({ length: 20 }, (_, j) => Math.sin(candidate + 3 * tick + (j % 5)));
  const sequences = (count: number, ticks: number) =>
    floatTensor(
      Float32Array.from({ length: count * ticks }, (_, i) => i).reduce(
        (all, i) => {
          all.set(block(Math.floor(i / ticks), i % ticks), i * 20);
          return all;
        },
        new Float32Array(count * ticks * 20),
      ),
      [count, ticks, 4, 5],
    );

  it("predicts each sequence as if it were alone, of more than a run takes too", async () => {
    const env = await world.open();
    await env.reset({ seed: 2 });
    await env.step(action(0));
    const many = await env.predict?.(sequences(1100, 2));
    const few = await env.predict?.(sequences(3, 2));
    for (const name of ["states", "rewards", "successes"] as const) {
      const [all, some] = [many?.[name].data, few?.[name].data];
      expect(all?.slice(0, some?.length)).toEqual(some);
    }
    const last = sequences(1100, 2).data.slice(-40);
    const alone = await env.predict?.(floatTensor(last, [1, 2, 4, 5]));
    expect(many?.states.data.slice(-(alone?.states.data.length ?? 0))).toEqual(alone?.states.data);
  });

  it("a plan is worth what its steps bring, over the world to the last bit", async () => {
    const env = await world.open();
    const task = world.spec.tasks[1] as string;
    await env.reset({ seed: 2, task, maxTicks: 0 });
    const search = { over: "world", horizon: 3, samples: 4, iterations: 2 } as const;
    const usual = await env.plan?.(search);
    for (const nfe of [1, 2]) {
      const planned = await env.plan?.({ ...search, nfe });
      const fork = (await env.fork?.()) as Env; // of the same noise
      let sum = 0;
      for (let k = 0; k < 3; k++) {
        const block = planned?.actions.data.slice(k * 20, (k + 1) * 20) as Float32Array;
        const { info } = await fork.step(block, { nfe });
        sum += (info.rewards as Record<string, number>)[task] as number;
      }
      expect(planned?.plannedReturn).toBe(sum);
      expect(planned?.plannedReturn === usual?.plannedReturn).toBe(nfe === world.spec.nfe?.default);
    }
  });

  it("a plan takes the first row of each block that it begins with", async () => {
    const env = await world.open();
    await env.reset({ seed: 2, task: world.spec.tasks[1] as string });
    const begin = sequences(1, 2).data;
    const firsts = begin.map((_, i) => begin[Math.floor(i / 20) * 20 + (i % 5)] as number);
    const plans = [begin, firsts].map((data) =>
      env.plan?.({ samples: 4, iterations: 1, begin: floatTensor(data, [2, 4, 5]) }),
    );
    const [one, other] = await Promise.all(plans);
    expect(one).toEqual(other);
  });

  it("a plan over the world leaves its share to a session that steps beside it", async () => {
    let ticks = 0; // of all sessions and forks
    const { open, close } = await tinyWith((run) => (inputs, outputs) => {
      if (outputs.includes("experts")) ticks += inputs.state?.shape[0] as number; // once a tick
      return run(inputs, outputs);
    });
    const [planner, stepper] = [open(), open()];
    await planner.reset({ seed: 1, task: "push" });
    await stepper.reset({ seed: 2, maxTicks: 0 });
    const stop = new AbortController();
    const planned = planner.plan({ over: "world", samples: 128, iterations: 8 }, { signal: stop.signal });
    await stepper.step(action(0));
    ticks = 0;
    for (let i = 0; i < 20; i++) await stepper.step(action(i));
    expect(ticks).toBeGreaterThan(2 * 20);
    expect(ticks).toBeLessThan(8 * 20);
    stop.abort();
    expect(await codeOf(planned)).toBe("request_cancelled");
    await close();
  });

  it("a plan for a goal ends nearer to it than doing nothing", async () => {
    const env = await world.open();
    await env.reset({ seed: 2 });
    const name = stateName(world.spec.state[0] as StateChannel);
    const still = await env.plan?.({ goal: { [name]: 0.1 }, samples: 2, iterations: 1 });
    const planned = await env.plan?.({ goal: { [name]: 0.1 }, samples: 256, iterations: 4 });
    expect(planned?.plannedReturn).toBeGreaterThan(still?.plannedReturn as number);
  });

  it("refuses what it can't plan, with what it can", async () => {
    const env = await world.open();
    expect(await codeOf(env.plan?.() as Promise<unknown>)).toBe("reset_needed");
    await env.reset({ seed: 2 });
    const codes = [
      {},
      { task: "fly" },
      { horizon: 0 },
      { horizon: 64, samples: 4096, iterations: 32 },
      { goal: {} },
      { goal: { wing: 1 } },
      { task: "push", nfe: 1 },
      { task: "push", over: "world", nfe: 99 },
      { task: "push", over: "world", horizon: 8, samples: 64, iterations: 8, nfe: 3 },
    ] as PlanOptions[];
    expect(await Promise.all(codes.map((options) => codeOf(env.plan?.(options) as Promise<unknown>)))).toEqual([
      "option_task",
      "option_task",
      "option_plan",
      "option_plan",
      "option_plan",
      "option_plan",
      "option_nfe",
      "option_nfe",
      "option_plan",
    ]);
  });
});
