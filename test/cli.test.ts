// The command as a user runs it: the built one, in a process of its own.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { connect } from "@worldstep/sdk";
import { PNG } from "pngjs";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { findPython } from "./fixtures/python.js";
import { writeRandomWorld } from "./fixtures/random-world.js";
import { TINY_WORLD } from "./fixtures/worlds.js";

const run = promisify(execFile);
const MAIN = "cli/dist/main.js";
const PICK = "examples/scripted/pick.json";

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function worldstep(...args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "worldstep-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function writeScript(script: object): Promise<string> {
  const path = join(folder, "script.json");
  await writeFile(path, JSON.stringify(script));
  return path;
}

it.each([
  "",
  "serve",
  "generate",
  "rollout",
  "bench",
  "bench step",
  "bench fork",
  "bench ladder",
  "bench load",
  "bench wire",
  "bench guard",
  "doctor",
  "eval",
  "policy",
])("%s --help", async (command) => {
  const { code, stdout } = await worldstep(...command.split(" ").filter(Boolean), "--help");
  expect(code).toBe(0);
  expect(stdout).toContain(`Usage: ${`worldstep ${command}`.trim()} [options]`);
});

describe("a command that can't run says why and what to do", () => {
  it.each([
    ["an unknown command", ["dream"], "unknown command 'dream'"],
    ["a number that is none", ["generate", "--episodes", "many", "--out", "x", "--seed", "1"], "a whole number"],
    ["frames that no world has", ["generate", "--episodes", "1", "--seed", "1", "--out", "x", "--size", "60"], "of 16"],
    ["nothing to serve", ["serve", "--no-world", "--no-simulator"], "option_worlds"],
    ["no page", ["serve", "--console", "none"], "option_console"],
    ["a certificate without its key", ["serve", "--no-console", "--cert", "cert.pem"], "option_tls"],
    ["a key that is not there", ["serve", "--no-console", "--cert", "none.pem", "--key", "none.pem"], "option_tls"],
    ["a token that is none", ["serve", "--no-console", "--world", TINY_WORLD, "--token", "a b"], "option_token"],
    [
      "an origin that is none",
      ["serve", "--no-console", "--world", TINY_WORLD, "--allow-origin", "example.org"],
      "option_origin",
    ],
    ["no script", ["rollout", "--script", "none.json", "--out", "x"], "script_missing"],
    ["no world", ["rollout", "--world", "none", "--script", PICK, "--out", "x"], "world_missing_file"],
    ["a bench of no world", ["bench", "step", "--world", "none"], "world_missing_file"],
    ["results in a file", ["generate", "--episodes", "1", "--seed", "1", "--out", "package.json"], "option_out"],
    ["a report below a file", ["eval", "simulator", "--only", "cost", "--out", "package.json/x"], "option_out"],
    ["no ground truth", ["rollout", "--world", TINY_WORLD, "--script", PICK, "--out", "x", "--real"], "option_real"],
  ])("%s", async (_, args, expected) => {
    const { code, stdout, stderr } = await worldstep(...args);
    expect(code).toBe(1);
    expect(stderr).toContain(expected);
    expect(stderr).not.toContain("    at ");
    expect(stdout).toBe("");
  });

  it("--verbose adds the stack", async () => {
    const { code, stderr } = await worldstep("rollout", "--script", "none.json", "--out", "x", "--verbose");
    expect(code).toBe(1);
    expect(stderr).toContain("    at ");
  });
});

it.each([
  ["a folder", "docs", "docs is a folder"],
  ["a name that ends as a folder's", "out/nowhere/", "out/nowhere/ is a folder"],
  ["below a file", "package.json/x", "package.json: it is a file"],
  ["in a folder that nobody can write to", "/proc/x", "/proc"],
])("rollout looks before it runs: %s", async (_, out, expected) => {
  const { code, stderr } = await worldstep("rollout", "--world", TINY_WORLD, "--script", PICK, "--out", out);
  expect(code).toBe(1);
  expect(stderr).toContain(expected);
  expect(stderr).toMatch(/\(option_out\)\n {2}give/);
  expect(stderr).not.toContain("ticks"); // no progress: nothing ran
});

it("help says what is required", async () => {
  const { stdout } = await worldstep("generate", "--help");
  const words = stdout.replace(/\s+/g, " ");
  for (const option of [
    "--episodes <n> how many episodes",
    "--seed <n> data sets of different seeds share no episode",
  ]) {
    expect(words).toContain(`${option} (required)`);
  }
  expect(words).toContain("folder for the shards and meta.json; made if absent (required)");
  expect(words).not.toContain("sides of a frame (required)");
  expect(words).toContain("--verbose");
});

describe("rollout refuses a script", () => {
  const move = { ticks: 1, action: [0, 0, 0, 0, 0] };
  const spline = (by: number[], at: number) => {
    return { seed: 1, task: "play", spline: { perAction: [0.015, 0.015, 0.015, 0.15, -0.02], points: [{ at, by }] } };
  };
  it.each([
    ["with an unknown key", { seed: 1, task: "play", moves: [move], speed: 2 }, "speed"],
    ["with an unknown key inside", { seed: 1, task: "play", moves: [{ ...move, speed: 2 }] }, 'at "moves.0"'],
    ["without a seed", { task: "play", moves: [move] }, 'at "seed"'],
    [
      "with actions and moves",
      { seed: 1, task: "play", moves: [move], actions: [[[0]]] },
      "one of actions, moves and spline",
    ],
    ["with neither", { seed: 1, task: "play" }, "one of actions, moves and spline"],
    ["with a row that is short", { seed: 1, task: "play", moves: [{ ticks: 1, action: [0] }] }, "[4, 5] numbers"],
    ["with an action outside", { seed: 1, task: "play", moves: [{ ticks: 1, action: [0, 0, 0, 0, 2] }] }, "outside"],
    ["with a block that is short", { seed: 1, task: "play", actions: [[move.action]] }, 'at "actions.0"'],
    ["with a way that is too fast", spline([0.1, 0, 0, 0, 0], 0.2), "too fast 0.00 s after"],
    ["with a point that is short", spline([0.1], 1), 'at "spline.points.0.by"'],
    ["with a bad task", { seed: 1, task: "fly", moves: [move] }, "option_task"],
    ["with a bad nfe", { seed: 1, task: "play", moves: [move], nfe: 51 }, "option_nfe"],
  ])("%s", async (_, script, expected) => {
    const path = await writeScript(script);
    const { code, stderr } = await worldstep("rollout", "--world", TINY_WORLD, "--script", path, "--out", "x");
    expect(code).toBe(1);
    expect(stderr).toContain(expected);
    expect(stderr).toMatch(/\((script_invalid|option_\w+)\)\n {2}\w/);
  });
});

// The topics of a file, and the last message of each.
const READ_MCAP = `
import json, sys
from mcap.reader import make_reader
with open(sys.argv[1], "rb") as file:
    reader = make_reader(file)
    counts, schemas, numbers, end = {}, {}, {}, 0
    for schema, channel, message in reader.iter_messages():
        counts[channel.topic] = counts.get(channel.topic, 0) + 1
        schemas[channel.topic], numbers[channel.topic] = schema.name, json.loads(message.data)
        json.loads(schema.data)
        end = max(end, message.log_time)
    metadata = next(reader.iter_metadata()).metadata
print(json.dumps(dict(counts=counts, schemas=schemas, numbers=numbers, metadata=metadata, end=end)))
`;

describe("rollout", () => {
  async function pngSize(path: string): Promise<readonly number[]> {
    const { width, height } = PNG.sync.read(await readFile(path));
    return [width, height];
  }

  it("writes video, strip and numbers of a dream", async () => {
    const block = Array(4).fill([0.5, -0.5, 0, 0, 1]);
    const script = await writeScript({
      world: TINY_WORLD,
      seed: 3,
      task: "play",
      start: "noon",
      actions: [block, block],
    });
    const out = join(folder, "made", "dream");
    const { code, stdout } = await worldstep("rollout", "--script", script, "--out", out, "--gif", "--nfe", "2");
    expect(code).toBe(0);
    expect(stdout.trim().split("\n")).toEqual([".mp4", ".png", ".gif", ".json"].map((end) => out + end));
    expect((await readFile(`${out}.mp4`)).subarray(4, 8).toString()).toBe("ftyp");
    expect((await readFile(`${out}.gif`)).subarray(0, 6).toString()).toBe("GIF89a");
    expect(await pngSize(`${out}.png`)).toEqual([3 * 64 + 2 * 8, 64]); // the start and two ticks, twice 32 pixels
    const results = JSON.parse(await readFile(`${out}.json`, "utf8"));
    expect(results).toMatchObject({ world: { id: "tiny-random" }, seed: 3, task: "play", start: "noon", nfe: 2 });
    expect(results.dreamed).toMatchObject({ ticks: 2, success: false, rewards: [0, 0], truncated: false });
    expect(results.dreamed.proprioception).toHaveLength(3);
    expect(results.dreamed.stepMs).toHaveLength(2);
    expect(results.dreamed.chunks).toEqual([1, 1]);

    await worldstep("rollout", "--script", script, "--out", out, "--chunks");
    const { chunks, dreamed } = JSON.parse(await readFile(`${out}.json`, "utf8"));
    expect([chunks, dreamed.chunks, dreamed.ticks]).toEqual([true, [2], 2]);
  });

  it("writes a log that the mcap package of PyPI reads", async ({ skip }) => {
    const python = await findPython(["mcap"]);
    if (python === undefined) return skip("no Python with mcap");
    const block = Array.from({ length: 4 }, (_, i) => [0.25 * i, 0, 0, 0, 0]);
    const script = await writeScript({ world: TINY_WORLD, seed: 3, task: "play", actions: [block, block] });
    const out = join(folder, "logged");
    const { stdout } = await worldstep("rollout", "--script", script, "--out", out, "--mcap");
    expect(stdout).toContain(`${out}.mcap\n`);
    const read = await run(python, ["-c", READ_MCAP, `${out}.mcap`]);
    const { numbers, metadata, ...log } = JSON.parse(read.stdout);
    expect(log).toEqual({
      counts: { "/action": 8, "/dreamed/image": 9, "/dreamed/proprioception": 3, "/dreamed/reward": 2 },
      schemas: {
        "/action": "worldstep.Action",
        "/dreamed/image": "foxglove.CompressedImage",
        "/dreamed/proprioception": "foxglove.JointStates",
        "/dreamed/reward": "worldstep.Reward",
      },
      end: 8 * 50_000_000, // ns: 20 frames a second
    });
    expect(metadata).toMatchObject({ world: "tiny-random" });
    expect(numbers["/action"]).toEqual({ action: [0.75, 0, 0, 0, 0] });
    const { dreamed } = JSON.parse(await readFile(`${out}.json`, "utf8"));
    const positions = numbers["/dreamed/proprioception"].joints.map(({ position }: { position: number }) => position);
    expect(positions).toEqual(dreamed.proprioception.at(-1));
    const image = PNG.sync.read(Buffer.from(numbers["/dreamed/image"].data, "base64"));
    expect([image.width, image.height]).toEqual([32, 32]);
  });

  it("sets the simulator above the dream, both from the simulator's first frame", async () => {
    await writeRandomWorld(folder);
    const out = join(folder, "both");
    const { code, stderr } = await worldstep(
      ...["rollout", "--world", folder, "--script", PICK, "--out", out, "--real", "--every", "2"],
    );
    expect(stderr).not.toContain("error");
    expect(code).toBe(0);
    expect((await stat(`${out}.mp4`)).size).toBeGreaterThan(10_000);
    const { real, dreamed } = JSON.parse(await readFile(`${out}.json`, "utf8"));
    expect(real.success).toBe(true); // the example does pick the cube and place it
    expect(dreamed.ticks).toBeGreaterThan(0);
    const pictures = 1 + Math.floor(Math.max(real.ticks, dreamed.ticks) / 2);
    expect(await pngSize(`${out}.png`)).toEqual([pictures * (128 + 8) - 8, 2 * 128 + 8]);
  });
});

it("serve hosts the worlds and the simulator, and ends on a signal", async () => {
  const server = spawn(process.execPath, [MAIN, "serve", "--world", TINY_WORLD, "--no-console", "--port", "0"]);
  const [line] = (await once(createInterface({ input: server.stdout }), "line")) as [string];
  const connection = await connect(line.replace(/^websocket +/, ""));
  expect(connection.worlds.map(({ id }) => id)).toEqual(["tiny-random", "tabletop-mujoco"]);
  for (const { id } of connection.worlds) {
    const env = await connection.open(id);
    await env.reset({ seed: 1 });
    expect((await env.step(new Float32Array(20))).info.tick).toBe(1);
  }
  await connection.close();
  server.kill("SIGINT");
  expect(await once(server, "exit")).toEqual([0, null]);
});

it("serve shows the simulator as large as each tabletop beside it", async () => {
  const worlds: string[] = [];
  for (const size of [32, 64]) {
    const world = join(folder, `random-${size}`);
    await mkdir(world);
    await writeRandomWorld(world, size);
    worlds.push(world);
  }
  const server = spawn(process.execPath, [MAIN, "serve", "--world", ...worlds, "--port", "0"]);
  const [line] = (await once(createInterface({ input: server.stdout }), "line")) as [string];
  const connection = await connect(line.replace(/^websocket +/, ""));
  const sizes = connection.worlds.map(({ id, observationSpace }) => [id, observationSpace.spaces.frames?.shape[1]]);
  expect(sizes.slice(2)).toEqual([
    ["tabletop-mujoco", 32],
    ["tabletop-mujoco-64", 64],
  ]);
  const env = await connection.open("tabletop-mujoco");
  const { frames } = (await env.reset({ seed: 1 })).observation;
  expect(frames.shape).toEqual([4, 32, 32, 3]);
  await connection.close();
  server.kill("SIGINT");
  await once(server, "exit");
});

it("serve says to whom it opens the machine, wants its token, and ends on SIGTERM in the middle of a step", async () => {
  const args = ["serve", "--world", TINY_WORLD, "--no-simulator", "--port", "0", "--host", "0.0.0.0"];
  await writeFile(join(folder, "index.html"), "");
  const server = spawn(process.execPath, [MAIN, ...args, "--console", folder], {
    env: { ...process.env, WORLDSTEP_TOKEN: "s3cret" },
  });
  let warnings = "";
  server.stderr.on("data", (data) => {
    warnings += data;
  });
  let shown = "";
  for await (const line of createInterface({ input: server.stdout })) {
    shown = line;
    if (line.startsWith("console")) break;
  }
  expect(shown).toMatch(/^console {4}http:.*:\d+\/$/); // no terminal: the token is not told
  const url = `ws://127.0.0.1:${new URL(shown.split(/ +/)[1] as string).port}`;
  await expect.poll(() => warnings).toMatch(/fewer than 16 characters.*the token included,.*--cert/s);
  await expect(connect(url, { token: "other" })).rejects.toThrow(/wants its token/);
  await expect.poll(() => warnings).toMatch(/"level":40.*"kind":"token","count":1.*connections were refused/);
  const connection = await connect(url, { token: "s3cret", reconnectMs: 0 });
  const env = await connection.open();
  await env.reset({ seed: 1, maxTicks: 0 });
  const { actionSpace } = env.spec;
  const action = new Float32Array(actionSpace.shape.reduce((a, b) => a * b, 1));
  const steps = Array.from({ length: 8 }, () => env.step(action).catch(() => undefined));
  const begun = performance.now();
  server.kill("SIGTERM");
  expect(await once(server, "exit")).toEqual([0, null]);
  expect(performance.now() - begun).toBeLessThan(5000);
  await Promise.all(steps);
  await connection.close();
});

it("serve tells a terminal the token, with the page's address", async ({ skip }) => {
  await writeFile(join(folder, "index.html"), "");
  const command = `${process.execPath} ${MAIN} serve --world ${TINY_WORLD} --no-simulator --port 0 --console ${folder}`;
  const terminal = spawn("script", ["-qec", command, "/dev/null"], {
    env: { ...process.env, WORLDSTEP_TOKEN: "0123456789abcdef" },
  });
  const [failed] = await Promise.race([once(terminal, "error"), once(terminal, "spawn")]);
  if (failed) return skip("no program that makes a terminal");
  let shown = "";
  terminal.stdout.on("data", (data) => {
    shown += data;
  });
  await expect.poll(() => shown, { timeout: 20_000 }).toMatch(/console {4}http:.*\/#token=0123456789abcdef\r\n/);
  expect(shown).not.toContain("warning");
  terminal.kill();
  await once(terminal, "exit");
});

it("generate goes on where it was", async () => {
  const out = join(folder, "data");
  const args = ["generate", "--episodes", "1", "--out", out, "--seed", "7", "--workers", "0"];
  expect(await worldstep(...args)).toMatchObject({ code: 0, stdout: `1 episodes in ${out}\n` });
  const shard = join(out, "shard-00000.safetensors.gz");
  const { mtimeMs } = await stat(shard);
  expect((await worldstep(...args)).code).toBe(0);
  expect((await stat(shard)).mtimeMs).toBe(mtimeMs);
  const other = await worldstep("generate", "--episodes", "2", "--out", out, "--seed", "7");
  expect(other).toMatchObject({ code: 1 });
  expect(other.stderr).toContain("data_settings_differ");
});

describe("doctor", () => {
  it("finds what npm start needs", async () => {
    const { code, stdout } = await worldstep("doctor", "--world", TINY_WORLD, "--json");
    const { ok, checks } = JSON.parse(stdout);
    expect(checks.filter((check: { ok: boolean; required: boolean }) => check.required && !check.ok)).toEqual([]);
    expect(ok).toBe(true);
    expect(code).toBe(0);
  });

  it("exits with 1 where something needed is missing", async () => {
    const { code, stdout } = await worldstep("doctor", "--world", "none");
    expect(code).toBe(1);
    expect(stdout).toMatch(/MISSING +world +there is no folder \/.*none/);
  });
});

describe("bench", () => {
  it("step", async () => {
    const python = await findPython(["torch", "numpy"]);
    if (python !== undefined) vi.stubEnv("WORLDSTEP_PYTHON", python);
    const torch = python === undefined ? ["--no-torch"] : [];
    const { code, stdout } = await worldstep(
      ...["bench", "step", "--world", TINY_WORLD, "--ticks", "310", ...torch, "--json"],
    );
    vi.unstubAllEnvs();
    expect(code).toBe(0);
    const metrics = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
    const names = ["framesPerSecond1Nfe", "framesPerSecond4Nfe", "stepMsP50", "stepMsP95", "stepMsP99", "firstFrameMs"];
    for (const name of [...names, "residentMb", "chunkOverTick"]) expect(metrics[name].value).toBeGreaterThan(0);
    if (python !== undefined) expect(metrics.speedupOverTorch.value).toBeGreaterThan(0);
    expect(metrics.residentMbGrowth.unit).toBe("MB");
    expect(metrics).not.toHaveProperty("lateOverEarly"); // which is of tick 3,000
  });

  it("fork", async () => {
    const forked = await worldstep("bench", "fork", "--world", TINY_WORLD, "--ticks", "20", "--json");
    expect(forked.code).toBe(0);
    const { forkMs64, forkBytes64, restoreMs, snapshotMs, snapshotBytes } = JSON.parse(forked.stdout);
    for (const { value } of [forkMs64, restoreMs, snapshotMs]) expect(value).toBeGreaterThan(0);
    expect(forkBytes64.value).toBeLessThan(5);
    expect(snapshotBytes.value).toBeGreaterThan(10_000);
  });

  it("ladder", async () => {
    const python = await findPython(["torch", "numpy"]);
    if (python !== undefined) vi.stubEnv("WORLDSTEP_PYTHON", python);
    const world = await mkdtemp(join(folder, "world-"));
    await writeRandomWorld(world);
    const few = ["--ticks", "4", "--nfe", "3", "--episodes", "1", "--rounds", "1", "--threads", "1"];
    const torch = python === undefined ? ["--no-torch"] : [];
    const { code, stdout } = await worldstep("bench", "ladder", "--world", world, ...few, ...torch, "--json");
    vi.unstubAllEnvs();
    expect(code).toBe(0);
    const { ladder, ladderTotal, ladderLossDb } = JSON.parse(stdout);
    expect(ladder).toHaveLength(python === undefined ? 5 : 8);
    for (const { msPerTick, ratio, psnrDb } of ladder) {
      for (const value of [msPerTick, ratio, psnrDb]) expect(value).toBeGreaterThan(0);
    }
    const numbers = (name: "ratio" | "lossDb"): number[] =>
      ladder.map((rung: Record<typeof name, number>) => rung[name]);
    if (python === undefined) return;
    expect(ladderTotal.value).toBeCloseTo(numbers("ratio").reduce((product, ratio) => product * ratio));
    expect(ladderLossDb.value).toBeCloseTo(numbers("lossDb").reduce((sum, loss) => sum + loss));
  });

  it("load", async () => {
    const { code, stdout } = await worldstep("bench", "load", "--world", TINY_WORLD, "--seconds", "1", "--json");
    expect(code).toBe(0);
    const metrics = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
    for (const n of [1, 8, 64]) {
      for (const name of ["ticksPerSecond", "ticksPerSecondSocket"]) expect(metrics[name + n].value).toBeGreaterThan(0);
    }
    expect(metrics.fairness64.value).toBeGreaterThanOrEqual(0.5);
    expect(metrics.fairnessSocket64.value).toBeGreaterThanOrEqual(0.5);
    expect(metrics.batchSpeedup64.unit).toBe("ratio");
    expect(metrics.pingP99Ms.n).toBeGreaterThan(5);
    for (const name of ["bytesPerSession", "residentMb8Over1", "healthzP99Ms"]) {
      expect(metrics[name].value).toBeGreaterThan(0);
    }
  });

  it("wire", async () => {
    const { code, stdout } = await worldstep("bench", "wire", "--ticks", "100", "--seconds", "1", "--json");
    expect(code).toBe(0);
    const metrics = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
    for (const codec of ["", "Protobuf"]) {
      expect(metrics[`wireOverheadMs${codec}`].unit).toBe("ms");
      for (const n of [1, 8, 32]) expect(metrics[`envStepsPerSecond${n}${codec}`].value).toBeGreaterThan(0);
    }
  });
});
