// Somebody's own robot logs, a LeRobot dataset without rewards of tasks or the environment's state, become a world that is
// stepped: by the two commands of docs/training.md.
import { execFile } from "node:child_process";
import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { openWorld } from "@worldstep/engine";
import { checkEnv } from "@worldstep/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findPython } from "./fixtures/python.js";

const run = promisify(execFile);

describe("a LeRobot dataset", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "worldstep-own-logs-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("becomes a world in one command, which keeps the contract of Env", { timeout: 600_000 }, async ({ skip }) => {
    const python = await findPython(["torch", "numpy", "pyarrow", "av"]);
    if (python === undefined) return skip("no Python with torch, numpy, pyarrow and av");
    const [logs, runs, out] = [join(folder, "logs"), join(folder, "runs"), join(folder, "pushed")];
    await run(python, ["test/fixtures/make_lerobot.py", logs]);
    const sizes = ["--size", "32", "--stride", "2"];
    const train = ["training/train_world.py", "--logs", logs, "--runs", runs, "--out", out, "--scale", "0.0001"];
    await expect(run(python, [...train, "--size", "40"])).rejects.toThrow("a multiple of 16"); // and nothing is made
    await run(python, [...train, ...sizes]);
    await run(python, ["test/fixtures/make_lerobot.py", logs, "--check", join(runs, "data")]);
    const world = await openWorld(out, { threads: 1 });
    expect(world.spec).toMatchObject({ id: "pushed", fps: 10, stride: 2, proprioception: ["x", "y", "lock"] });
    expect(world.spec.action[1]).toMatchObject({ name: "to y", kind: "absolute" });
    expect((await checkEnv(() => world.open())).ok).toBe(true);
    await world.close();

    const again = await run(python, [...train, ...sizes]); // nothing is done twice
    expect(again.stdout).not.toContain("import_lerobot");
    expect(again.stdout).toContain("resumed at step 2");
    const other = run(python, [...train, ...sizes, "--ticks", "28"]);
    await expect(other).rejects.toThrow(
      "was made with no --ticks, and is now asked for --ticks 28: give another --runs",
    );
    await appendFile(join(logs, "meta/info.json"), " ");
    await expect(run(python, [...train, ...sizes])).rejects.toThrow("holds other files than when");
  });

  it("as people's are is read right, and what is left out is said", { timeout: 120_000 }, async ({ skip }) => {
    const python = await findPython(["torch", "numpy", "pyarrow", "av", "PIL", "mcap"]);
    if (python === undefined) return skip("no Python with torch, numpy, pyarrow, av, pillow and mcap");
    const { stdout } = await run(python, ["test/fixtures/import_cases.py", join(folder, "cases")]);
    expect(stdout).toContain("20 cases hold");
  });

  it("without what is needed is refused with what to do", { timeout: 120_000 }, async ({ skip }) => {
    const python = await findPython(["torch", "numpy", "pyarrow", "av"]);
    if (python === undefined) return skip("no Python with torch, numpy, pyarrow and av");
    const refused = async (...args: string[]) => {
      const importing = ["training/import_lerobot.py", "--out", join(folder, "x"), ...args];
      const { stderr } = await run(python, importing).catch((failure: { stderr: string }) => failure);
      return stderr;
    };
    const logs = join(folder, "more");
    await run(python, ["test/fixtures/make_lerobot.py", logs]);
    expect(await refused("--dataset", folder)).toContain("give the folder of a LeRobot dataset");
    expect(await refused("--dataset", logs, "--camera", "wrist")).toContain("choose among observation.images.top");
    expect(await refused("--dataset", logs, "--size", "40")).toContain("a multiple of 16");
    expect(await refused("--dataset", logs, "--ticks", "999")).toContain("give fewer --ticks");
    expect(await refused("--dataset", logs, "--ticks", "20")).toContain("must be at least 26");
    await run(python, ["training/import_lerobot.py", "--dataset", logs, "--size", "32", "--out", join(folder, "y")]);
    expect(await refused("--dataset", logs, "--out", join(folder, "y"))).toContain("holds logs: give another --out");
    const armed = [
      "training/train_world.py",
      "--logs",
      logs,
      "--out",
      join(folder, "arm"),
      "--runs",
      join(folder, "z"),
    ];
    await expect(run(python, [...armed, "--action", "arm"])).rejects.toThrow("has no column arm for action; there are");
    const named = ["training/train_world.py", "--logs", logs, "--out", join(folder, "My_Arm")];
    await expect(run(python, named)).rejects.toThrow("can't be a world's name");
  });
});
