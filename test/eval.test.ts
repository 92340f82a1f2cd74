// `worldstep eval` as a user runs it: the built command, in processes of its own.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { writeRandomWorld } from "./fixtures/random-world.js";

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function evaluate(...args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, ["cli/dist/main.js", "eval", ...args], (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "worldstep-eval-"));
});
afterAll(() => rm(folder, { recursive: true }));

it("a world is judged: the same numbers from one process and from two, and again", { timeout: 120_000 }, async () => {
  const world = await mkdtemp(join(folder, "random-"));
  await writeRandomWorld(world);
  const small = [world, "--only", "obedience", "--scale", "0.03", "--rollouts", "2", "--json"];
  const [one, two] = [join(folder, "one"), join(folder, "two")];
  const alone = await evaluate(...small, "--workers", "1", "--out", one);
  expect(alone).toMatchObject({ code: 0 });
  const metrics = JSON.parse(alone.stdout.trim().split("\n").at(-1) ?? "");
  // The arm of a random world does not do what it is told; the probe reads that it is not where it should be.
  expect(metrics.endEffectorError.value).toBeGreaterThan(2 * metrics.endEffectorError.simulator);
  expect(metrics.endEffectorError).toMatchObject({ unit: "cm", n: 2 });
  const { stdout } = await evaluate(...small, "--workers", "2", "--out", two);
  expect(stdout).toBe(alone.stdout);
  const again = await evaluate(...small, "--out", two);
  expect(again.stdout).toBe(alone.stdout);

  const report = await readFile(join(one, "report-obedience.html"), "utf8");
  expect(report).toContain("<svg");
  expect(report).toContain(`worldstep eval ${world} --only obedience`);
  const written = JSON.parse(await readFile(join(one, "metrics-obedience.json"), "utf8"));
  expect(written.metrics).toEqual(metrics);
  expect(written.conclusions).toContainEqual(
    expect.objectContaining({ metric: "endEffectorErrorTick25", answer: expect.stringMatching(/no|unknown/) }),
  );
  expect(written.subject.hash).toMatch(/^[0-9a-f]{64}$/);

  const other = await evaluate(...small, "--seed", "2", "--out", two);
  expect(other.code).toBe(1);
  expect(other.stderr).toContain("eval_settings_differ");
});

it.each([
  [["--only", "looks"], "option_parts"],
  [["--card"], "option_card"],
  [["--policies", "no/such/folder"], "policies_missing"],
  [["--domain", "no-such-domain"], "option_domain"],
  [["--domain", "./no-such-domain.js"], "option_domain"],
  [["--domain", "@worldstep/tabletop"], "option_domain"],
])("what can't be judged is said: %s", async (args, code) => {
  const { code: status, stderr } = await evaluate("simulator", "--out", join(folder, "none"), ...args);
  expect(status).toBe(1);
  expect(stderr).toContain(code);
});
