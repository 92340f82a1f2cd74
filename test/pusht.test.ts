// Push-T, a simulator of others: its logs become a world, and the world is judged by it (domains/pusht).
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { judge, openSubject, type SubjectName, type Verdict } from "@worldstep/judge";
import pusht, { pushtOf } from "@worldstep/pusht";
import { checkEnv } from "@worldstep/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findPython } from "./fixtures/python.js";

const run = promisify(execFile);
const short = pushtOf({ ticks: 3 });
/** Pixels along each side: enough, and learned in half the time that 64 take. */
const SIZE = 32;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "worldstep-pusht-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function judged(name: SubjectName, only: readonly string[]): Promise<Verdict["sections"]> {
  const out = await mkdtemp(join(folder, "samples-"));
  const subject = await openSubject(name, short);
  const { sections } = await judge({
    domain: short,
    subject,
    only,
    seed: 1,
    scale: 0.01,
    rollouts: 2,
    out,
    versions: {},
  });
  return sections;
}

describe("gym-pusht", async () => {
  const python = await findPython(["gym_pusht"]);
  const missing = python === undefined;
  if (python !== undefined) process.env.WORLDSTEP_PYTHON = python;

  it.skipIf(missing)("keeps the contract of Env, forks included", { timeout: 120_000 }, async () => {
    const another = await pusht.asWorld(SIZE).open(); // with one open its process goes on
    const { checks } = await checkEnv(() => pusht.asWorld(SIZE).open(), { throwOnFailure: false });
    await another.close();
    expect(checks.filter(({ ok }) => !ok)).toEqual([]);
  });

  it.skipIf(missing)("judged as if it were a world it is perfect", { timeout: 120_000 }, async () => {
    const { pushing, ranking, planner } = await judged({ kind: "reality", size: SIZE }, [
      "pushing",
      "ranking",
      "planner",
    ]);
    expect(pushing?.metrics).toMatchObject({ cornersTick25: { value: 0, n: 2 }, agentTick25: { value: 0 } });
    expect(ranking?.metrics).toMatchObject({ rankingPearson: { value: 1 }, rankingMmrv: { value: 0 } });
    const { "coverage wander": real } = ranking?.reference ?? {};
    expect(ranking?.metrics["coverage wander"]).toEqual(real);
    expect(planner?.metrics.plannedCoverage).toEqual(planner?.reference.plannedCoverage);
    expect(planner?.metrics.ruleCoverage?.value).toBeGreaterThanOrEqual(0);
  });

  it.skipIf(missing)("is a domain of the command, in processes of its own", { timeout: 120_000 }, async () => {
    const settings = ["--only", "reward", "--rollouts", "2", "--workers", "1", "--out", join(folder, "eval"), "--json"];
    const domain = ["--domain", "@worldstep/pusht", "--size", String(SIZE)];
    const { stdout } = await run(process.execPath, ["cli/dist/main.js", "eval", "simulator", ...domain, ...settings]);
    const { rewardCorrelation } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
    expect(rewardCorrelation.value).toBeCloseTo(1, 6);
  });

  it.skipIf(missing)("is no reality for worlds of something else", { timeout: 120_000 }, async () => {
    const other = judged({ kind: "world", folder: "test/fixtures/tiny-world" }, ["pushing"]);
    await expect(other).rejects.toMatchObject({ code: "eval_world_unfit" });
  });
});

it("without gym-pusht it says what to install", async () => {
  const python = process.env.WORLDSTEP_PYTHON;
  process.env.WORLDSTEP_PYTHON = join(folder, "no-python");
  try {
    await expect(pusht.asWorld(SIZE).open()).rejects.toMatchObject({ code: "python_missing" });
  } finally {
    if (python === undefined) delete process.env.WORLDSTEP_PYTHON;
    else process.env.WORLDSTEP_PYTHON = python;
  }
});

it("Push-T is recorded, learned and judged", { timeout: 600_000 }, async ({ skip }) => {
  const python = await findPython(["torch", "numpy", "pyarrow", "av", "gym_pusht"]);
  if (python === undefined) return skip("no Python with torch, pyarrow, av and gym-pusht");
  const [logs, out] = [join(folder, "logs"), join(folder, "pusht")];
  await run(python, ["domains/pusht/record.py", "--out", logs, "--episodes", "3"]);
  const train = ["training/train_world.py", "--logs", logs, "--runs", join(folder, "runs"), "--out", out];
  await run(python, [...train, "--stride", "2", "--size", String(SIZE), "--scale", "0.0001"]);
  const parts = ["fidelity", "pushing", "uncertainty", "ranking", "planner"];
  const { fidelity, pushing, uncertainty, ranking, planner } = await judged({ kind: "world", folder: out }, parts);
  // It has learned nothing: what it says of the T is somewhere, and whatever it tries, no push is like another.
  expect(pushing?.metrics.cornersTick1?.value).toBeGreaterThan(1);
  expect(fidelity?.metrics.openLoopPsnrTick25?.value).toBeLessThan(60);
  expect(uncertainty?.metrics.alarmRate?.n).toBe(2);
  expect(Object.keys(ranking?.reference ?? {})).toHaveLength(11);
  expect(planner?.reference.plannedCoverage).toMatchObject({ n: 2 });
});
