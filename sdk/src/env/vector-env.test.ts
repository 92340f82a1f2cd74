import { floatTensor, type Tensor } from "@worldstep/protocols";
import { describe, expect, test } from "vitest";
import { ChunkedCounter } from "../../test/chunked-counter.js";
import { block, CounterWorld } from "../../test/counter-world.js";
import { openVector, VectorEnv } from "./vector-env.js";

const counters = (n: number, options = {}) => Array.from({ length: n }, () => new CounterWorld(options));
const still = (n: number) => Array.from({ length: n }, () => block(0));
const ticks = (observations: Readonly<Record<string, Tensor>>) =>
  [...(observations.proprioception as Tensor).data].filter((_, i) => i % 2 === 1);

describe("batching", () => {
  test("rows of a vector are what the envs give alone", async () => {
    const vector = new VectorEnv(counters(3));
    const { observations } = await vector.reset({ seed: 7 });
    const actions = new Float32Array(3 * 8).map((_, i) => Math.sin(i));
    const stepped = await vector.step(actions);
    expect(observations.frames?.shape).toEqual([3, 4, 6, 6, 3]);
    expect(stepped.rewards).toBeInstanceOf(Float64Array);
    for (let i = 0; i < 3; i++) {
      const env = new CounterWorld();
      const alone = await env.reset({ seed: 7 + i });
      const size = 4 * 6 * 6 * 3;
      expect(observations.frames?.data.slice(i * size, (i + 1) * size)).toEqual(alone.observation.frames?.data);
      const step = await env.step(actions.slice(i * 8, (i + 1) * 8));
      expect(stepped.rewards[i]).toBe(step.reward);
      expect(stepped.observations.frames?.data.slice(i * size, (i + 1) * size)).toEqual(step.observation.frames?.data);
      expect(stepped.infos[i]).toEqual(step.info);
    }
  });

  test("all steps are issued at once", async () => {
    const envs = counters(4, { delayMs: 20 });
    const vector = new VectorEnv(envs);
    await vector.reset();
    const step = vector.step(still(4));
    await new Promise((done) => setTimeout(done, 5));
    expect(envs.map(({ inFlight }) => inFlight)).toEqual([1, 1, 1, 1]);
    await step;
  });

  test("actions as a tensor, flat or rows are the same, and their buffer may be used again at once", async () => {
    const results = [];
    for (const form of ["tensor", "flat", "rows"] as const) {
      const vector = new VectorEnv(counters(2));
      await vector.reset({ seed: [3, 5] });
      const data = new Float32Array(16).fill(0.5);
      const rows = [data.subarray(0, 8), data.subarray(8)];
      const step = vector.step(form === "tensor" ? floatTensor(data, [2, 4, 2]) : form === "flat" ? data : rows);
      data.fill(Number.NaN);
      results.push(await step);
    }
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  });

  test.each([
    ["wrong count", new Float32Array(8), "action_shape"],
    ["wrong shape", floatTensor(new Float32Array(16), [2, 8]), "action_shape"],
    ["one row too few", [block(0)], "action_shape"],
    ["null", null as never, "action_shape"],
    ["a row that is null", [block(0), null] as never, "action_shape"],
    ["a row of functions", [block(0), [() => 0]] as never, "action_shape"],
    ["NaN in row 1", [block(0), block(Number.NaN)], "action_not_finite"],
  ])("%s is refused before any env steps", async (_, actions, code) => {
    const envs = counters(2);
    const vector = new VectorEnv(envs);
    await vector.reset({ seed: 1 });
    await expect(vector.step(actions)).rejects.toMatchObject({ code });
    expect(envs.map(({ tick }) => tick)).toEqual([0, 0]);
  });

  test("bad seeds, masks and options are refused", async () => {
    const vector = new VectorEnv(counters(2));
    await expect(vector.reset({ mask: [true, false] })).rejects.toMatchObject({ code: "reset_needed" });
    await expect(vector.step(still(2))).rejects.toMatchObject({ code: "reset_needed" });
    await vector.reset();
    await expect(vector.reset({ seed: [1] })).rejects.toMatchObject({ code: "option_seed" });
    await expect(vector.reset({ seed: 0.5 })).rejects.toMatchObject({ code: "option_seed" });
    await expect(vector.reset({ mask: [false, false] })).rejects.toMatchObject({ code: "option_mask" });
    for (const [option, code] of [
      ["seed", "option_seed"],
      ["mask", "option_mask"],
      ["options", "option_invalid"],
    ] as const) {
      await expect(vector.reset({ [option]: null })).rejects.toMatchObject({ code });
    }
    for (const call of [vector.reset(null as never), vector.step(still(2), null as never)]) {
      await expect(call).rejects.toMatchObject({ code: "option_invalid" });
    }
    await expect(vector.reset({ options: [{}] })).rejects.toMatchObject({ code: "option_vector" });
    expect(() => new VectorEnv([])).toThrow(expect.objectContaining({ code: "option_vector" }));
    for (const [options, code] of [
      [{ autoreset: "nextStep" }, "option_autoreset"],
      [{ autoReset: "Disabled" }, "option_unknown"],
    ] as const) {
      expect(() => new VectorEnv(counters(1), options as object)).toThrow(expect.objectContaining({ code }));
      const opened: CounterWorld[] = [];
      const open = async () => opened[opened.push(new CounterWorld()) - 1] as CounterWorld;
      await expect(openVector(open, 2, options as object)).rejects.toMatchObject({ code });
      expect(opened).toEqual([]);
    }
  });

  test("all envs are closed, also where one rejects", async () => {
    const envs = counters(3);
    const stuck = Object.assign(envs[0] as CounterWorld, { close: () => Promise.reject(new Error("stuck")) });
    await expect(new VectorEnv(envs).close()).rejects.toThrow("stuck");
    for (const env of envs.filter((one) => one !== stuck)) {
      await expect(env.reset()).rejects.toMatchObject({ code: "env_closed" });
    }
  });
});

describe("autoreset", () => {
  const options = [{ maxTicks: 2 }, { maxTicks: 3 }];

  test("NextStep: the call after the end ignores the action, resets, and gives reward 0", async () => {
    const vector = new VectorEnv(counters(2));
    expect(vector.autoreset).toBe("NextStep");
    await vector.reset({ seed: 1, options });
    await vector.step([block(1), block(1)]);
    const ended = await vector.step([block(1), block(1)]);
    expect([...ended.truncated]).toEqual([1, 0]);
    expect(ticks(ended.observations)).toEqual([2, 2]);
    // Not even a bad action is looked at.
    const reset = await vector.step([block(Number.NaN), block(1)]);
    expect([...reset.rewards]).toEqual([0, 1]);
    expect([...reset.truncated]).toEqual([0, 1]);
    expect([...reset.terminated]).toEqual([0, 0]);
    expect(ticks(reset.observations)).toEqual([0, 3]);
    const next = await vector.step([block(1), block(1)]);
    expect(ticks(next.observations)).toEqual([1, 0]);
    // The reset keeps the episode's options: it is truncated after 2 ticks again.
    expect([...(await vector.step([block(1), block(1)])).truncated]).toEqual([1, 0]);
  });

  test("SameStep: the observation is the reset one, the info carries the last", async () => {
    const vector = new VectorEnv(counters(2), { autoreset: "SameStep" });
    await vector.reset({ seed: 1, options });
    await vector.step([block(1), block(1)]);
    const ended = await vector.step([block(1), block(1)]);
    expect([...ended.truncated]).toEqual([1, 0]);
    expect([...ended.rewards]).toEqual([1, 1]);
    expect(ticks(ended.observations)).toEqual([0, 2]);
    expect(ended.infos[0]).toMatchObject({ tick: 0, task: "play", finalInfo: { tick: 2 } });
    const { finalObservation } = ended.infos[0] as { finalObservation: { proprioception: Tensor } };
    expect(finalObservation.proprioception.data[1]).toBe(2);
    expect(ended.infos[1]).toEqual({ tick: 2 });
    expect(ticks((await vector.step([block(1), block(1)])).observations)).toEqual([1, 0]);
  });

  test("Disabled: the caller resets with a mask, and a step of an ended env steps none", async () => {
    const envs = counters(2);
    const vector = new VectorEnv(envs, { autoreset: "Disabled" });
    await vector.reset({ seed: 1, options });
    await vector.step(still(2));
    await vector.step(still(2));
    const refused = vector.step(still(2));
    await expect(refused).rejects.toMatchObject({ code: "reset_needed", facts: { env: 0, why: "episode_ended" } });
    expect(envs.map(({ tick }) => tick)).toEqual([2, 2]);
    const reset = await vector.reset({ mask: [true, false] });
    expect(ticks(reset.observations)).toEqual([0, 2]);
    expect(reset.infos).toEqual([{ tick: 0, task: "play" }, {}]);
    expect(ticks((await vector.step(still(2))).observations)).toEqual([1, 3]);
  });
});

describe("a chunk", () => {
  const plan = (n: number, ticks: number) =>
    Array.from({ length: n }, (_, i) => Array.from({ length: ticks }, (_, k) => block((i + k) / 10)));
  const chunked = (n: number) => Array.from({ length: n }, () => new ChunkedCounter());
  const clock = ({ proprioception }: Readonly<Record<string, Tensor>>) =>
    [...(proprioception as Tensor).data].filter((_, i) => i % 2 === 1);

  test("has the rows that the envs give alone, as a tensor, flat or as lists", async () => {
    const lists = plan(2, 3);
    const data = Float32Array.from(lists.flat().flatMap((own) => [...own]));
    for (const actions of [lists, data, floatTensor(data, [2, 3, 4, 2])]) {
      const vector = new VectorEnv(chunked(2));
      await vector.reset({ seed: 7 });
      const { observations, rewards, valid, infos } = await vector.stepChunk(actions);
      expect(observations.frames?.shape).toEqual([2, 3, 4, 6, 6, 3]);
      expect([...valid]).toEqual([1, 1, 1, 1, 1, 1]);
      const size = 3 * 4 * 6 * 6 * 3;
      for (const [i, own] of lists.entries()) {
        const env = new ChunkedCounter();
        await env.reset({ seed: 7 + i });
        const alone = await env.stepChunk(own);
        const shown = alone.flatMap(({ observation }) => [...(observation.frames?.data ?? [])]);
        expect([...(observations.frames?.data.slice(i * size, (i + 1) * size) ?? [])]).toEqual(shown);
        expect([...rewards.slice(3 * i, 3 * i + 3)]).toEqual(alone.map(({ reward }) => reward));
        expect(infos[i]).toEqual(alone.map(({ info }) => info));
      }
    }
  });

  test.each([
    "NextStep",
    "SameStep",
    "Disabled",
  ] as const)("of an episode that ends within it, %s", async (autoreset) => {
    const vector = new VectorEnv(chunked(2), { autoreset });
    await vector.reset({ seed: 1, options: [{ maxTicks: 2 }, { maxTicks: 0 }] });
    const ended = await vector.stepChunk(plan(2, 3));
    expect([...ended.valid]).toEqual([1, 1, 0, 1, 1, 1]);
    expect([...ended.truncated]).toEqual([0, 1, 0, 0, 0, 0]);
    expect(clock(ended.observations)).toEqual(autoreset === "SameStep" ? [1, 0, 0, 1, 2, 3] : [1, 2, 2, 1, 2, 3]);
    expect(ended.infos.map(({ length }) => length)).toEqual([2, 3]);
    if (autoreset === "SameStep") expect(ended.infos[0]?.[1]).toMatchObject({ tick: 0, finalInfo: { tick: 2 } });
    if (autoreset === "Disabled") {
      await expect(vector.stepChunk(plan(2, 3))).rejects.toMatchObject({ code: "reset_needed", facts: { env: 0 } });
      return;
    }
    const next = await vector.stepChunk(plan(2, 3));
    expect([...next.valid]).toEqual(autoreset === "NextStep" ? [0, 0, 0, 1, 1, 1] : [1, 1, 0, 1, 1, 1]);
    if (autoreset !== "NextStep") return;
    expect(clock(next.observations)).toEqual([0, 0, 0, 4, 5, 6]);
    expect([...next.rewards.slice(0, 3)]).toEqual([0, 0, 0]);
    expect(next.infos[0]).toEqual([{ tick: 0, task: "play" }]);
  });

  test("that is none is refused before any env steps", async () => {
    const envs = chunked(2);
    const vector = new VectorEnv(envs);
    await vector.reset({ seed: 1 });
    for (const [actions, code] of [
      [plan(2, 4), "action_chunk"],
      [plan(2, 0), "action_chunk"],
      [plan(1, 3), "action_shape"],
      [[[block(0)], [block(0), block(0)]], "action_shape"],
      [new Float32Array(24), "action_shape"],
      [null as never, "action_shape"],
      [[null, null] as never, "action_shape"],
      [floatTensor(new Float32Array(32), [4, 4, 2]), "action_shape"],
      [[[block(0)], [block(Number.NaN)]], "action_not_finite"],
    ] as const) {
      await expect(vector.stepChunk(actions)).rejects.toMatchObject({ code });
    }
    expect(envs.map(({ env }) => env.tick)).toEqual([0, 0]);
  });
});

describe("when one env fails", () => {
  function faulty(autoreset: "NextStep" | "SameStep" = "NextStep") {
    let fail = true;
    const beforeStep = () => {
      if (fail) throw new Error("out of luck");
    };
    const mend = () => {
      fail = false;
    };
    const envs = [new CounterWorld(), new CounterWorld({ beforeStep }), new CounterWorld()];
    return { envs, vector: new VectorEnv(envs, { autoreset }), mend };
  }

  test("the others are committed, and a retry steps only what failed", async () => {
    const { envs, vector, mend } = faulty("SameStep");
    await vector.reset({ seed: 1, options: { maxTicks: 1 } });
    const actions = [block(0.1), block(0.2), block(0.3)];
    await expect(vector.step(actions)).rejects.toMatchObject({
      code: "vector_env_failed",
      facts: { env: 1, failed: [1] },
      cause: { message: "out of luck" },
    });
    mend();
    const other = vector.step([block(0.9), block(0.2), block(0.3)]);
    await expect(other).rejects.toMatchObject({ code: "option_retry", facts: { env: 0 } });
    const { rewards, truncated } = await vector.step(actions);
    expect([...rewards]).toEqual([0.1, 0.2, 0.3].map((value) => Math.fround(value)));
    expect([...truncated]).toEqual([1, 1, 1]);
    expect(envs.map(({ actionsTaken }) => actionsTaken.length)).toEqual([1, 1, 1]);
  });

  test("a reset drops what was kept", async () => {
    const { vector, mend } = faulty();
    await vector.reset({ seed: 1 });
    await expect(vector.step(still(3))).rejects.toThrow();
    mend();
    await vector.reset({ seed: 1 });
    expect(ticks((await vector.step(still(3))).observations)).toEqual([1, 1, 1]);
  });
});

describe("observing a part", () => {
  const shown = ({ observations }: { readonly observations: object }) => Object.keys(observations);

  test("a vector's choice holds for steps, chunks and resets, autoresets too; a call may choose otherwise", async () => {
    const vector = new VectorEnv(counters(2), { observe: ["state"], autoreset: "SameStep" });
    expect(shown(await vector.reset({ seed: 1, options: [{ maxTicks: 2 }, { maxTicks: 5 }] }))).toEqual([
      "proprioception",
    ]);
    expect(shown(await vector.step(still(2), { observe: ["frames"] }))).toEqual(["frames"]);
    const ended = await vector.step(still(2));
    expect([shown(ended), [...ended.truncated]]).toEqual([["proprioception"], [1, 0]]);
    expect(shown(await vector.stepChunk(still(2).map((action) => [action])))).toEqual(["proprioception"]);
  });

  test("rows that show unlike parts make a batch of what they have in common", async () => {
    const vector = new VectorEnv(counters(2));
    await vector.reset({ seed: 1 });
    await vector.step(still(2), { observe: ["state"] });
    expect(shown(await vector.reset({ mask: [true, false] }))).toEqual(["proprioception"]);
    expect(shown(await vector.reset())).toEqual(["frames", "proprioception"]);
  });

  test("what can't be shown is refused", () => {
    const observe = ["sound"] as unknown as ["state"];
    expect(() => new VectorEnv(counters(1), { observe })).toThrow(expect.objectContaining({ code: "option_observe" }));
  });
});
