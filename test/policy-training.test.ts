// examples/policy-training as a user runs it: the built one, in a process of its own.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { PNG } from "pngjs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { writeRandomWorld } from "./fixtures/random-world.js";

const run = promisify(execFile);
const MAIN = "examples/policy-training/dist/main.js";

let folder: string;
let common: readonly string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "worldstep-training-"));
  const world = await mkdtemp(join(folder, "world-"));
  await writeRandomWorld(world);
  common = [MAIN, "--world", world, "--trials", "2", "--task", "reach"];
});
afterAll(() => rm(folder, { recursive: true }));

async function historyOf(out: string, place: string): Promise<{ steps: number }[]> {
  return JSON.parse(await readFile(join(out, `${place}-reach.json`), "utf8")).history;
}

it("trains in both, tries both, draws curves, and goes on from its checkpoints", { timeout: 300_000 }, async () => {
  const out = join(folder, "out");
  await run(process.execPath, [...common, "--steps", "40", "--out", out]);
  const before = { dream: await historyOf(out, "dream"), mujoco: await historyOf(out, "mujoco") };
  const { stdout } = await run(process.execPath, [...common, "--steps", "200", "--out", out]);
  expect(stdout).toMatch(/trained in the dream +[01]\.\d\d \[/);
  for (const place of ["dream", "mujoco"] as const) {
    const history = await historyOf(out, place);
    expect(history.length).toBeGreaterThan(before[place].length);
    expect(history.slice(0, before[place].length)).toEqual(before[place]);
    expect(history.at(-1)?.steps).toBeGreaterThanOrEqual(200);
  }
  expect(PNG.sync.read(await readFile(join(out, "curves-reach.png"))).width).toBeGreaterThan(400);
  expect(JSON.parse(await readFile(join(out, "result-reach.json"), "utf8"))).toMatchObject({
    task: "reach",
    trials: 2,
  });

  const other = run(process.execPath, [...common, "--steps", "200", "--out", out, "--seed", "2"]);
  await expect(other).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining("checkpoint_differs") });
});
