// Push-T, a simulator of others: its logs become a world, and the world is judged in it (domains/pusht).
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { openWorld } from "@worldstep/engine";
import { PushT } from "@worldstep/pusht";
import { checkEnv } from "@worldstep/sdk";
import { serve } from "@worldstep/server";
import { pino } from "pino";
import { expect, it } from "vitest";
import { findPython } from "./fixtures/python.js";

const run = promisify(execFile);

it("gym-pusht keeps the contract of Env, forks included", { timeout: 120_000 }, async ({ skip }) => {
  const python = await findPython(["gym_pusht"]);
  if (python === undefined) return skip("no Python with gym-pusht");
  process.env.WORLDSTEP_PYTHON = python;
  const another = await PushT.open({ size: 32, filmed: true }); // with one open its process goes on
  const { checks } = await checkEnv(() => PushT.open({ size: 32, filmed: true }), { throwOnFailure: false });
  await another.close();
  expect(checks.filter(({ ok }) => !ok)).toEqual([]);
});

it("without gym-pusht it says what to install", async () => {
  const python = process.env.WORLDSTEP_PYTHON;
  process.env.WORLDSTEP_PYTHON = join(tmpdir(), "no-python");
  try {
    await expect(PushT.open({ size: 32, filmed: true })).rejects.toMatchObject({ code: "python_missing" });
  } finally {
    if (python === undefined) delete process.env.WORLDSTEP_PYTHON;
    else process.env.WORLDSTEP_PYTHON = python;
  }
});

it("Push-T is recorded, learned, served and judged", { timeout: 600_000 }, async ({ skip }) => {
  const python = await findPython(["torch", "numpy", "pyarrow", "av", "gym_pusht", "websockets", "msgpack"]);
  if (python === undefined) return skip("no Python with torch, pyarrow, av, gym-pusht and the client's packages");
  const folder = await mkdtemp(join(tmpdir(), "worldstep-pusht-"));
  const [logs, out, report] = [join(folder, "logs"), join(folder, "pusht"), join(folder, "report.json")];
  try {
    await run(python, ["domains/pusht/record.py", "--out", logs, "--episodes", "6"]);
    const train = ["training/train_world.py", "--logs", logs, "--runs", join(folder, "runs"), "--out", out];
    await run(python, [...train, "--stride", "2", "--scale", "0.0001"]);
    const world = await openWorld(out, { threads: 1 });
    expect(world.spec).toMatchObject({
      id: "pusht",
      fps: 10,
      stride: 2,
      proprioception: ["x (px of 512)", "y (px of 512)"],
    });
    const server = await serve({ worlds: [world], logger: pino({ level: "silent" }), limits: { maxSessions: 64 } });
    const url = server.url.replace("http", "ws");
    const judge = ["domains/pusht/judge.py", "--url", url, "--out", report, "--episodes", "2", "--ticks", "3"];
    await run(python, judge, { env: { ...process.env, PYTHONPATH: "sdk/python" } });
    await server.close();
    await world.close();
    const { hash, fidelity, ranking, planner } = JSON.parse(await readFile(report, "utf8"));
    expect(hash).toBe(world.hash);
    expect(fidelity.cornersTick1[0]).toBeGreaterThan(0);
    expect(fidelity.psnrTick25[0]).toBeLessThan(60);
    expect(Object.keys(ranking.policies)).toHaveLength(11);
    expect(planner["planned, coverage"]).toHaveLength(3);
  } finally {
    await rm(folder, { recursive: true });
  }
});
