import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Env } from "@worldstep/protocols";
import { heldOutSeed, newestFrame, type Policy } from "@worldstep/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  learnedPolicy,
  openProbe,
  readPolicies,
  TABLETOP,
  type TabletopEntry,
  type TabletopPolicies,
  TabletopProbe,
} from "../index.js";
import { recordEpisode } from "../simulator/episode.js";
import { createSimulator, type Simulator } from "../simulator/simulator.js";
import { SCORED_TASKS, type ScoredTask } from "../simulator/tasks.js";

let simulator: Simulator;
let probe: TabletopProbe;
let folder: TabletopPolicies;
beforeAll(async () => {
  simulator = await createSimulator();
  probe = await openProbe(64);
  folder = await readPolicies(TABLETOP);
});
afterAll(() => Promise.all([simulator.close(), probe.close()]));

function open(name: string, task: ScoredTask): Promise<Policy> {
  const entry = folder.policies.find((policy) => policy.name === name);
  if (entry === undefined) throw new Error(`no policy ${name}`);
  return folder.open(entry, task, simulator.spec, probe);
}

/** Whether `policy` succeeds in the episode of `seed`, and the actions that it took. */
async function play(
  policy: Policy,
  task: ScoredTask,
  seed: number,
  env: Env = simulator,
): Promise<{ success: boolean; actions: Float32Array[] }> {
  let { observation } = await env.reset({ seed, task, maxTicks: 45 });
  await policy.reset(seed);
  const actions: Float32Array[] = [];
  for (;;) {
    const action = await policy.act(observation);
    actions.push(action);
    const step = await env.step(action);
    if (step.terminated || step.truncated) return { success: step.terminated, actions };
    observation = step.observation;
  }
}

it("the probe reads a scene that it has not seen", async () => {
  const off = { tip: 0, cubes: 0, places: 0 };
  const seeds = [1, 2, 3, 4, 5, 6].map((i) => heldOutSeed(3, i));
  for (const seed of seeds) {
    const { observation } = await simulator.reset({ seed });
    const { tip, cubes, layout } = await probe.measure(newestFrame(observation));
    const truth = simulator.state();
    const gap = (...pairs: [number, number][]) => Math.hypot(...pairs.map(([a, b]) => a - b)) / seeds.length;
    off.tip += gap([tip.x, truth.tip.x], [tip.y, truth.tip.y], [tip.z, truth.tip.z]);
    for (const i of [0, 1, 7, 8, 14, 15]) off.cubes += gap([cubes[i] as number, truth.cubes[i] as number]) / 3;
    for (const place of ["bin", "button", "goal"] as const) {
      const [seen, real] = [layout[place], truth.layout[place]];
      off.places += gap([seen[0], real[0]], [seen[1], real[1]]) / 3;
    }
  }
  expect(off.tip).toBeLessThan(0.015);
  expect(off.cubes).toBeLessThan(0.015);
  expect(off.places).toBeLessThan(0.01);
});

it.each(SCORED_TASKS)("the expert sees well enough to succeed, the same for a seed: %s", async (task) => {
  const expert = await open("expert", task);
  const first = await play(expert, task, heldOutSeed(3, 1));
  expect(first.success).toBe(true);
  expect(await play(expert, task, heldOutSeed(3, 1))).toEqual(first);
  expect((await play(expert, task, heldOutSeed(3, 2))).success).toBe(true);
});

it("skill, or the want of it, shows: of ten episodes the better policy wins more", async () => {
  const wins = async (name: string) => {
    const policy = await open(name, "reach");
    let won = 0;
    for (let i = 0; i < 10; i++) won += Number((await play(policy, "reach", heldOutSeed(3, i))).success);
    await policy.close();
    return won;
  };
  const [expert, cloned, careless, wrong] = [
    await wins("expert"),
    await wins("cloned from 480"),
    await wins("off 2 cm"),
    await wins("wrong object"),
  ];
  expect(expert).toBe(10);
  expect(cloned).toBeGreaterThan(7);
  expect(careless).toBeLessThan(10);
  expect(careless).toBeGreaterThan(2);
  expect(wrong).toBeLessThan(2);
});

it("the same policies see through the probe for frames of 128 pixels", async () => {
  const [large, eyes] = [await createSimulator({ size: 128, newestOnly: true }), await openProbe(128)];
  expect(eyes.size).toBe(128);
  for (const name of ["expert", "cloned from 480"]) {
    const entry = folder.policies.find((policy) => policy.name === name) as TabletopEntry;
    const policy = await folder.open(entry, "reach", large.spec, eyes);
    let won = 0;
    for (let i = 0; i < 4; i++) won += Number((await play(policy, "reach", heldOutSeed(3, i), large)).success);
    expect(won, name).toBeGreaterThan(2);
    await policy.close();
  }
  await Promise.all([large.close(), eyes.close()]);
});

it("the policies that ship have at least 12 for every task", () => {
  for (const task of SCORED_TASKS) {
    const suited = folder.policies.filter(({ tasks }) => tasks === undefined || tasks.includes(task));
    expect(suited.length).toBeGreaterThanOrEqual(12);
  }
});

describe("a folder that can't be used says why", () => {
  const read = async (text: string) => {
    const out = mkdtempSync(join(tmpdir(), "worldstep-policies-"));
    try {
      writeFileSync(join(out, "policies.json"), text);
      return await readPolicies(out);
    } finally {
      rmSync(out, { recursive: true });
    }
  };
  const scripts = (...names: string[]) => names.map((name) => ({ name, kind: "script" }));

  it.each([
    ["{", "JSON"],
    [JSON.stringify({ policies: [] }), "policies"],
    [JSON.stringify({ policies: [{ name: "a", kind: "magic" }] }), "policies.0.kind"],
    [JSON.stringify({ policies: [{ name: "a", kind: "script", skill: { nois: 1 } }] }), "nois"],
    [JSON.stringify({ policies: scripts("a", "a") }), "same name"],
  ])("%s", async (text, why) => {
    await expect(read(text)).rejects.toMatchObject({ code: "policies_invalid", message: expect.stringContaining(why) });
  });

  it("no probe for frames of that size: which there are, and how one is made", async () => {
    const missing = { code: "probe_missing", facts: { size: 96, sizes: [64, 128] } };
    await expect(openProbe(96)).rejects.toMatchObject({
      ...missing,
      remedy: expect.stringContaining("train_probe.py"),
    });
    await expect(openProbe(Number.NaN)).rejects.toMatchObject({ code: "probe_missing" });
  });

  it("frames of another size than a network takes", async () => {
    await expect(probe.measure(new Uint8Array(128 * 128 * 3))).rejects.toMatchObject({ code: "shape_mismatch" });
    const file = join(TABLETOP, "probe-128.onnx");
    const unfit = learnedPolicy(file, simulator.spec, "reach", probe);
    await expect(unfit).rejects.toMatchObject({
      code: "network_unfit",
      message: expect.stringContaining("[1, 128, 128, 3]"),
    });
  });

  it("no folder, no network, or a network for something else", async () => {
    await expect(readPolicies("no/such")).rejects.toMatchObject({ code: "policies_missing" });
    await expect(TabletopProbe.open("no/such.onnx")).rejects.toMatchObject({ code: "network_missing" });
    await expect(TabletopProbe.open(join(TABLETOP, "bc-30.onnx"))).rejects.toMatchObject({ code: "network_unfit" });
  });
});

it("the probe reads a view of a frame as it reads a copy", async () => {
  const { frames } = await recordEpisode(simulator, heldOutSeed(3, 9));
  const bytes = 64 * 64 * 3;
  const third = frames.slice(2 * bytes, 3 * bytes);
  const alone = await probe.measure(third);
  expect(await probe.measure(frames.subarray(2 * bytes, 3 * bytes))).toEqual(alone);
});
