// Judging cases whose verdict is known: the simulator itself, and simulators with one fault each.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { judge, type Subject, type Verdict } from "@worldstep/judge";
import { openBench, recall } from "@worldstep/judge/kit";
import type { ActionLike, Env, Observation, ResetOptions, ResetResult, StepResult } from "@worldstep/protocols";
import { newestFrame } from "@worldstep/sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSimulator, type SimulatorOptions } from "../index.js";

import { countCubes } from "./cubes.js";
import { tabletop } from "./domain.js";
import { hiding } from "./hiding.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "worldstep-judge-"));
  const tasks = ["reach"];
  const policies = [
    { name: "expert", kind: "script", tasks },
    { name: "off 4 cm", kind: "script", tasks, skill: { bias: 0.04 } },
    { name: "random", kind: "random", tasks },
  ];
  writeFileSync(join(folder, "policies.json"), JSON.stringify({ policies }));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What a fault may change of a simulator's words. */
interface Fault {
  readonly options?: SimulatorOptions;
  action?(action: Float32Array, before: Float32Array, tick: number): Float32Array;
  observation?(observation: Observation, first: Observation, tick: number): Observation;
  /** Not a fault: how sure it says it is. */
  uncertainty?(action: Float32Array): number;
}

/** A simulator with a fault. Every seed that it is reset with is noted. */
class Faulty implements Env {
  #before: Float32Array = new Float32Array(20);
  #first: Observation | undefined;
  #tick = 0;

  constructor(
    readonly env: Env,
    readonly fault: Fault,
    readonly seeds: number[],
  ) {}

  get spec() {
    return this.env.spec;
  }

  async reset(options: ResetOptions = {}): Promise<ResetResult> {
    this.seeds.push(options.seed ?? Number.NaN);
    const result = await this.env.reset(options);
    this.#before = new Float32Array(20);
    this.#tick = 0;
    this.#first = result.observation;
    return result;
  }

  async step(action: ActionLike): Promise<StepResult> {
    const asked = action as Float32Array;
    const { action: changed = (same: Float32Array) => same, observation: shown = (same: Observation) => same } =
      this.fault;
    const result = await this.env.step(changed(asked, this.#before, this.#tick));
    this.#before = asked;
    this.#tick++;
    const observation = shown(result.observation, this.#first as Observation, this.#tick);
    const uncertainty = this.fault.uncertainty?.(asked);
    return { ...result, observation, info: { ...result.info, ...(uncertainty !== undefined && { uncertainty }) } };
  }

  close(): Promise<void> {
    return this.env.close();
  }
}

const seeds: number[] = [];

async function subject(fault: Fault): Promise<Subject> {
  const options = { varied: true, ...fault.options };
  const simulator = await createSimulator(options);
  const { spec } = simulator;
  await simulator.close();
  const open = async () => new Faulty(await createSimulator(options), fault, seeds);
  return {
    id: "faulty",
    description: "",
    hash: JSON.stringify(fault.options ?? {}),
    spec,
    open,
    close: async () => undefined,
  };
}

const SMALL = { domain: tabletop, seed: 1, scale: 0.03, rollouts: 5, versions: {} } as const;
let runs = 0;
async function verdictOn(
  fault: Fault,
  only: readonly string[],
  out = join(folder, `samples-${runs++}`),
  rollouts: number = SMALL.rollouts,
) {
  return judge({ ...SMALL, rollouts, policies: folder, out, only, subject: await subject(fault) });
}

/** A metric of the verdict, and the simulator's own. */
function metric(verdict: Verdict, part: string, name: string): { value: number; real: number } {
  const { metrics, reference } = verdict.sections[part] ?? {};
  return { value: metrics?.[name]?.value ?? Number.NaN, real: reference?.[name]?.value ?? Number.NaN };
}

/** Which of the judge's verdicts on `fault` are bad. */
async function failures(fault: Fault): Promise<string[]> {
  const verdict = await verdictOn(fault, ["fidelity", "obedience", "physics", "reward", "ranking"]);
  const of = (part: string, name: string) => metric(verdict, part, name);
  const worse = (part: string, name: string, by: number) => of(part, name).value > of(part, name).real + by;
  const bad: Readonly<Record<string, boolean>> = {
    fidelity: of("fidelity", "openLoopPsnrTick10").value < 60,
    endEffector: worse("obedience", "endEffectorError", 0.5),
    swap: of("obedience", "swapRatio").value < 3,
    inverse: worse("obedience", "inverseActionError", 1),
    objects: worse("obedience", "objectErrorTick10", 1),
    permanence: of("physics", "permanenceRate").value < of("physics", "permanenceRate").real - 0.05,
    teleport: worse("physics", "teleportRate", 0.05),
    reward: of("reward", "rewardCorrelation").value < 0.9,
    ranking: of("ranking", "rankingPearson").value < 0.9,
  };
  return Object.keys(bad).filter((name) => bad[name]);
}

test("the simulator against itself scores perfectly", { timeout: 300_000 }, async () => {
  const verdict = await verdictOn({}, ["fidelity", "obedience", "physics", "horizon", "reward", "ranking"]);
  const value = (part: string, name: string) => metric(verdict, part, name).value;
  expect(value("fidelity", "openLoopPsnrTick25")).toBe(99);
  expect(value("fidelity", "ssimTick25")).toBeCloseTo(1, 9);
  expect(value("fidelity", "frechetDistance")).toBeCloseTo(0, 6);
  for (const name of ["rankingPearson", "rankingSpearman"]) expect(value("ranking", name)).toBeCloseTo(1, 6);
  expect(value("ranking", "rankingMmrv")).toBe(0);
  const ranked = Object.keys(verdict.sections.ranking?.metrics ?? {});
  expect(ranked).toContain("rankingPearson reach");
  expect(ranked).not.toContain("rankingPearson push"); // no policy was for it
  expect(value("reward", "successPrecision")).toBe(1);
  expect(value("reward", "successRecall")).toBe(1);
  expect(value("reward", "rewardCorrelation")).toBeCloseTo(1, 6);
  expect(value("horizon", "pictureDrift")).toBe(0);
  expect(value("horizon", "responseDrift")).toBe(0);
  for (const part of ["obedience", "physics", "horizon"] as const) {
    const { metrics = {}, reference = {} } = verdict.sections[part] ?? {};
    const shared = Object.keys(reference);
    expect(shared.length).toBeGreaterThan(4);
    for (const name of shared) expect(metrics[name], name).toEqual(reference[name]);
  }
});

test("a world with frames of 128 pixels is judged in them, and a perfect one is perfect", {
  timeout: 300_000,
}, async () => {
  const verdict = await verdictOn({ options: { size: 128 } }, ["obedience"], undefined, 2);
  const { metrics = {}, reference = {} } = verdict.sections.obedience ?? {};
  expect(Object.keys(reference).length).toBeGreaterThan(4);
  for (const name of Object.keys(reference)) expect(metrics[name], name).toEqual(reference[name]);
  expect(metrics.endEffectorError?.value).toBeLessThan(1.5); // read by a probe for such frames
  expect(metrics.inverseActionError?.value).toBeLessThan(0.01);
});

test("cubes are counted alike in frames of any size", async () => {
  const simulators = await Promise.all([64, 128].map((size) => createSimulator({ size })));
  for (const seed of [1, 2, 3, 4, 5]) {
    for (const simulator of simulators) {
      const { frames } = (await simulator.reset({ seed })).observation;
      expect(countCubes(newestFrame({ frames } as Observation), frames.shape[1] as number)).toEqual([1, 1, 1]);
    }
  }
  await Promise.all(simulators.map((simulator) => simulator.close()));
});

test("a world whose frames no probe reads, or whose actions mean others, is not judged", async () => {
  await expect(verdictOn({ options: { size: 96 } }, ["obedience"])).rejects.toMatchObject({ code: "probe_missing" });
  const { spec, ...others } = await subject({});
  const action = spec.action.map((channel) => ({ ...channel, unit: "inch" }));
  const inches = {
    ...SMALL,
    policies: folder,
    out: join(folder, "inches"),
    subject: { ...others, spec: { ...spec, action } },
  };
  await expect(judge(inches)).rejects.toMatchObject({ code: "eval_world_unfit", facts: { action } });
});

test("a world that is unsure of absurd actions alone, and one that does not say", { timeout: 300_000 }, async () => {
  const absurd = (action: Float32Array) => action.every((x) => Math.abs(x) === 1);
  const wary = await verdictOn({ uncertainty: (action) => (absurd(action) ? 1 : 0.2) }, ["uncertainty"]);
  const value = (name: string) => metric(wary, "uncertainty", name).value;
  expect(value("uncertaintyAurocActions")).toBe(1);
  expect(value("uncertaintyAurocColours")).toBe(0.5);
  expect(value("uncertaintyAuroc")).toBe(0.75);
  expect(value("alarmRate")).toBe(0);
  const silent = await verdictOn({}, ["uncertainty"]);
  expect(silent.sections.uncertainty?.metrics).toEqual({});
});

const DISOBEDIENT = ["fidelity", "endEffector", "swap"];

test.each<[string, Fault, readonly string[]]>([
  ["actions come a tick late", { action: (_, before) => before }, ["fidelity", "endEffector", "reward"]],
  ["left and right are swapped", { action: mirrored }, [...DISOBEDIENT, "reward", "ranking"]],
  [
    "actions do nothing", // nothing vanishes either, and after them and their inverses all is as it was
    { action: (action) => action.map(() => 0) },
    [...DISOBEDIENT, "objects", "reward", "ranking"],
  ],
  ["there are no cubes", { options: { missing: 1 } }, ["fidelity", "objects", "permanence", "reward"]],
  ["the picture is frozen", { observation: frozen }, [...DISOBEDIENT, "objects"]], // the button is where it was
])("%s: what should fail does, and nothing else", { timeout: 300_000 }, async (_, fault, failing) => {
  expect(await failures(fault)).toEqual(failing);
});

function mirrored(action: Float32Array): Float32Array {
  return action.map((value, i) => (i % 5 === 1 || i % 5 === 3 ? -value : value));
}

function frozen(observation: Observation, { frames }: Observation): Observation {
  return { ...observation, frames };
}

/** Ticks, half a minute, after which it has its fault: the first look at long play is before. */
const LATE = 150;

test("an arm that tires has drifted: its picture has not, its response has", { timeout: 120_000 }, async () => {
  const tired = (action: Float32Array, _: Float32Array, tick: number) =>
    action.map((value) => (tick > LATE ? 0.3 * value : value));
  const verdict = await verdictOn({ action: tired }, ["horizon"]);
  const value = (name: string) => metric(verdict, "horizon", name).value;
  expect(value("driftMinutes")).toBe(0.1);
  expect(Math.abs(value("pictureDrift"))).toBeLessThan(0.25);
  expect(value("responseDrift")).toBeGreaterThan(3);
});

test("recall: the hand hides the cube from the camera, and moves nothing", async () => {
  const bench = await openBench(tabletop, await subject({}), { ...SMALL, policies: folder });
  const { real } = await recall(hiding).run(bench, 0, () => {});
  await bench.close();
  expect(real.hidden).toBe(1);
  expect(Math.max(...real.errors)).toBeLessThan(0.5);
});

test("a run that was interrupted goes on, and finds the same", { timeout: 300_000 }, async () => {
  const whole = await verdictOn({}, ["obedience"], join(folder, "whole"));
  const out = join(folder, "halves");
  let samples = 0;
  const options = { ...SMALL, policies: folder, out, only: ["obedience"] as const };
  const onProgress = () => {
    if (++samples === 3) throw new Error("interrupted");
  };
  await expect(judge({ ...options, subject: await subject({}), onProgress })).rejects.toThrow("interrupted");
  const file = join(out, "openLoop.jsonl");
  writeFileSync(file, `${readFileSync(file, "utf8")}{"i":1,"sam`); // and the last line was cut off
  const todo: number[] = [];
  const resumed = await judge({ ...options, subject: await subject({}), onProgress: (done) => todo.push(done) });
  expect(todo[0]).toBeGreaterThan(0);
  expect(resumed).toEqual(whole);
  await expect(judge({ ...options, seed: 2, subject: await subject({}) })).rejects.toMatchObject({
    code: "eval_settings_differ",
  });
});

test("no episode of the judge is one of training", () => {
  expect(seeds.length).toBeGreaterThan(100);
  expect(seeds.filter((seed) => seed % 2 !== 1)).toEqual([]); // training seeds are even: seeds.ts
});
