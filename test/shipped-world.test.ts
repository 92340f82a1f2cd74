// The worlds that ship hold what PyTorch computed from their weights, and from the logs to a served world the whole
// recipe runs: generate, train (a few steps), export, open. The judge's probe trains on the same logs.
import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { openWorld } from "@worldstep/engine";
import { generate } from "@worldstep/tabletop";
import { expect, it } from "vitest";
import { OrtBackend } from "../engine/src/backends/ort/backend.js";
import { Networks } from "../engine/src/networks.js";
import { FolderSource } from "../engine/src/world/folder.js";
import { cameraOf } from "../engine/src/world/schema.js";
import { loadWorld } from "../engine/src/world/world.js";
import { findPython } from "./fixtures/python.js";
import { rollOut } from "./fixtures/rollout.js";
import { inFrames, readGoldens, relativeError, row, TINY_WORLD, TINY_WORLD_V2 } from "./fixtures/worlds.js";

const run = promisify(execFile);
const TOLERANCE = 1e-3;

// Encodes, decodes and dreams what the goldens hold, and compares latents, pixels and heads.
async function checkGoldens(folder: string): Promise<void> {
  const world = await loadWorld(new FolderSource(folder));
  const { stride } = world.manifest;
  const { height, width } = cameraOf(world.manifest);
  const goldens = await readGoldens(folder);
  const backend = new OrtBackend({ threads: 1 });
  const networks = await Networks.open(world, backend, "fp32");
  const bytes = height * width * 3;
  const encoded = goldens.get("encode.z");
  const ticks = (encoded.shape[0] ?? 0) - 1;
  expect(ticks).toBeGreaterThan(1);
  for (let tick = 1; tick <= ticks; tick++) {
    const frames = goldens.frames.slice((1 + (tick - 1) * stride) * bytes, (1 + tick * stride) * bytes);
    const { latent, state } = await networks.encode(frames);
    expect(relativeError(latent, row(encoded, tick))).toBeLessThan(TOLERANCE);
    expect(relativeError(state, row(goldens.get("encode.state"), tick))).toBeLessThan(TOLERANCE);
  }
  const [states, pixels] = [goldens.get("encode.state"), goldens.get("decode.pixels")];
  expect(pixels.shape[0]).toBeGreaterThan(1); // the first is much like the frame that it began with
  let decoder = await networks.begin(goldens.frames.subarray(0, bytes));
  for (let tick = 0; tick < (pixels.shape[0] ?? 0); tick++) {
    const before = row(states, Math.max(0, tick - 1));
    const shown = { latent: row(encoded, tick), state: row(states, tick) };
    const decoded = await networks.decode(networks.pass(decoder, shown, before));
    const { frames } = decoded;
    decoder = decoded.next;
    const golden = inFrames(row(pixels, tick), bytes / 3);
    const furthest = frames.reduce((most, value, i) => {
      return Math.max(most, Math.abs(value - Math.min(255, Math.max(0, golden[i] as number))));
    }, 0);
    expect(furthest).toBeLessThan(0.75); // half a level by rounding
  }
  for (const nfe of [1, 4]) {
    const golden = (name: string) => goldens.get(`rollout${nfe}.${name}`);
    const { latents, heads } = await rollOut(networks, goldens, nfe);
    for (const [tick, z] of latents.entries()) {
      expect(relativeError(z, row(golden("z"), tick))).toBeLessThan(TOLERANCE);
      for (const name of ["reward", "success", "state"] as const) {
        expect(relativeError(heads[tick]?.[name] ?? [], row(golden(name), tick))).toBeLessThan(TOLERANCE);
      }
    }
  }
  await backend.close();
}

// Only where the machine computes in it: elsewhere it is a hundred times as slow, and the recipe takes minutes more.
async function bf16(): Promise<string[]> {
  const machine = await readFile("/proc/cpuinfo", "utf8").catch(() => "");
  return machine.includes("avx512_bf16") ? ["--bf16"] : [];
}

it.each(["tabletop-nano", "pusht"])("%s equals PyTorch, to 1e-3", (name) => checkGoldens(`worlds/${name}`));

it("tabletop-nano's card is of these weights", async () => {
  const { hash } = await loadWorld(new FolderSource("worlds/tabletop-nano"));
  expect(await readFile("worlds/tabletop-nano/card.md", "utf8")).toContain(`* hash: ${hash}\n`);
});

it("training reads a world back, whatever is read from its ticks", async ({ skip }) => {
  const python = await findPython(["torch", "numpy"]);
  if (python === undefined) return skip("no Python with torch and numpy: apt install python3-torch python3-numpy");
  const read = [
    "import sys; sys.path.insert(0, 'training')",
    "from world import load_dynamics, load_tokenizer",
    `print(load_tokenizer('${TINY_WORLD}').config['state'], load_dynamics('${TINY_WORLD}').state_size)`,
  ];
  expect((await run(python, ["-c", read.join("\n")])).stdout).toBe("10 10\n");
});

it("training reads an older world as the engine does", async ({ skip }) => {
  const python = await findPython(["torch", "numpy"]);
  if (python === undefined) return skip("no Python with torch and numpy: apt install python3-torch python3-numpy");
  const read = [
    "import json, sys; sys.path.insert(0, 'training')",
    "import torch",
    "from world import load_dynamics, load_tokenizer, read_manifest",
    "same = lambda load: all(torch.equal(*of) for of in zip(*(load(folder).state_dict().values() for folder in sys.argv[1:])))",
    "print(json.dumps([read_manifest(sys.argv[1]), same(load_dynamics), same(load_tokenizer)]))",
  ];
  const { stdout } = await run(python, ["-c", read.join("\n"), TINY_WORLD_V2, TINY_WORLD]);
  expect(JSON.parse(stdout)).toEqual([(await loadWorld(new FolderSource(TINY_WORLD_V2))).manifest, true, true]);
});

it("training refuses logs that say what can't be of their numbers", async ({ skip }) => {
  const python = await findPython(["torch", "numpy"]);
  if (python === undefined) return skip("no Python with torch and numpy: apt install python3-torch python3-numpy");
  const said = async (part: string, meta: object): Promise<string> => {
    const known = {
      action: [{ name: "dy" }],
      proprioception: ["y (m)"],
      environmentState: ["cup x", "jug x"],
      ...meta,
    };
    const read = `import json, sys; sys.path.insert(0, 'training'); from data import *; meta = json.loads(sys.argv[1]); ${part}`;
    return (await run(python, ["-c", read, JSON.stringify(known)])).stdout;
  };
  const names = "print(*state_names(meta)[0])";
  expect(await said(names, { alike: ["cup", "jug"] })).toBe("y (m) cup x jug x\n");
  for (const alike of [["cup", "cup"], ["cup", "pot"], ["y"]]) {
    await expect(said(names, { alike })).rejects.toThrow("are alike");
  }
  const mirrored = "print(mirror(meta, state_names(meta)[0])[1].tolist())";
  expect(await said(mirrored, { mirrored: ["dy", "y (m)"] })).toBe("[-1.0, 1.0, 1.0]\n");
  await expect(said(mirrored, { mirrored: ["y"] })).rejects.toThrow("['y'] are mirrored");
});

it("training goes on from another predictor only as it is told to", async ({ skip }) => {
  const python = await findPython(["torch", "numpy"]);
  if (python === undefined) return skip("no Python with torch and numpy: apt install python3-torch python3-numpy");
  const read = `
import json, sys; sys.path.insert(0, "training")
from dynamics import Dynamics
from train_dynamics import go_on
from world import load_dynamics
folder, how, other = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
before = load_dynamics(folder)
config = before.config
model = Dynamics(**{**config, **other, "predictor": {**config["predictor"], **other.get("predictor", {})}})
begun = model.predictor.fourier.weight.clone()
go_on(model, folder, how)
now = model.predictor.fourier.weight
same = lambda a, b: a.shape == b.shape and bool((a == b).all())
print(same(now, before.predictor.fourier.weight), same(now, begun), same(model.inp.weight, before.inp.weight), model.config["predictor"]["features"])
`;
  const told = async (how: "kept" | "anew" | null, other: object) =>
    (await run(python, ["-c", read, TINY_WORLD, JSON.stringify(how), JSON.stringify(other)])).stdout;
  const { features } = (await loadWorld(new FolderSource(TINY_WORLD))).manifest.dynamics.predictor;
  const more = { predictor: { features: features + 24 } };
  expect(await told(null, {})).toBe(`True False True ${features}\n`);
  expect(await told("kept", more)).toBe(`True False True ${features}\n`);
  expect(await told("anew", more)).toBe(`False True True ${features + 24}\n`);
  const said = `(features ${features}, here ${features + 24}): --predictor anew begins another one; --predictor kept`;
  await expect(told(null, more)).rejects.toThrow(said);
  await expect(told("kept", { views: null })).rejects.toThrow("(alike): --predictor anew begins another one\n");
});

it("attention under no mask is attention under one", async ({ skip }) => {
  const python = await findPython(["torch", "numpy"]);
  if (python === undefined) return skip("no Python with torch and numpy: apt install python3-torch python3-numpy");
  const { stdout } = await run(python, ["test/fixtures/masked_attention.py"]);
  const [compared, difference] = stdout.split(" ").map(Number);
  expect(compared).toBe(48);
  expect(difference).toBeLessThan(2e-6);
});

it("the predictor's features of gaps do not see where a robot and a thing are, only how far apart", async ({
  skip,
}) => {
  const python = await findPython(["torch", "numpy"]);
  if (python === undefined) return skip("no Python with torch and numpy: apt install python3-torch python3-numpy");
  const read = `
import sys; sys.path.insert(0, "training")
import torch
from data import gaps, views
from predictor import Predictor, features_of
names, alike = ["x", "y", "cup x", "jug x", "cup y", "jug y", "table x"], ["cup", "jug"]
found = gaps(names, names[:2])
normal = torch.tensor([[0.1, 0.2, 0.3, 0.1, 0.0, 0.2, 0.4], [0.1, 0.2, 0.1, 0.15, 0.2, 0.1, 0.3]])
model = Predictor(1, 7, views(names, alike), features=features_of(found))
model.measure(normal)
model.begin(normal, found)
seen = []
model.fourier.register_forward_hook(lambda *told: seen.append(torch.sin(told[2])))
def look(*state):
    known = (torch.tensor(state) - normal[0]) / normal[1]
    model.change(torch.cat([torch.zeros(1), known, torch.zeros(1), known]))
look(0.3, 0.1, 0.35, 0.2, 0.0, 0.4, 0.5)
look(0.4, 0.1, 0.45, 0.3, 0.0, 0.4, 0.6)  # all 0.1 further along x
look(0.3, 0.1, 0.36, 0.2, 0.0, 0.4, 0.5)  # the cup alone 0.01
pairs = [-8 * len(found) + 8 * n + k for n, gap in enumerate(found) if len(gap) == 2 for k in range(8)]
differences = [(seen[0] - other)[:, pairs].abs().max().item() for other in seen[1:]]
print(found, differences[0] < 0.01, differences[1] > 0.3)`;
  const found = "[(0,), (0, 2), (0, 3), (0, 6), (2, 3), (2, 6), (3, 6), (1,), (1, 4), (1, 5), (4, 5)]";
  expect((await run(python, ["-c", read])).stdout).toBe(`${found} True True\n`);
});

it("the recipe makes a world from logs", { timeout: 600_000 }, async ({ skip }) => {
  const python = await findPython(["torch", "numpy"]);
  if (python === undefined) return skip("no Python with torch and numpy: apt install python3-torch python3-numpy");
  const out = await mkdtemp(join(tmpdir(), "worldstep-recipe-"));
  const python3 = (script: string, ...args: string[]) =>
    run(python, [`training/${script}.py`, "--data", `${out}/data`, ...args]);
  try {
    await generate({ episodes: 16, out: `${out}/data`, seed: 5, workers: 0 });
    const exchanges = `from data import Episodes, exchanges; e = Episodes("${out}/data"); print(exchanges(e.names, e.alike).tolist())`;
    const { stdout } = await run(python, ["-c", `import sys; sys.path.insert(0, "training"); ${exchanges}`]);
    const orders = JSON.parse(stdout.trim().split("\n").at(-1) as string);
    expect(orders).toHaveLength(6); // of three cubes
    const swapped = [8, 9, 10, 5, 6, 7, 11, 12, 13, 16, 17, 14, 15, 18, 19]; // places and yaws, red and green
    expect(orders).toContainEqual([0, 1, 2, 3, 4, ...swapped, 20, 21, 22, 23, 24, 25]);
    await generate({ episodes: 4, ticks: 40, out: `${out}/long`, seed: 7, workers: 0 });
    const long = ["--long", `${out}/long`, "--steps", "2", "--batch", "2"];
    const tokenizer = ["--out", `${out}/tokenizer`, ...long, "--stills"];
    for (const size of [16, 64])
      await generate({ episodes: 16, ticks: 1, out: `${out}/${size}`, seed: 6, size, workers: 0 });
    await expect(python3("train_tokenizer", ...tokenizer, `${out}/16`)).rejects.toThrow("frames of other sizes");
    await python3("train_tokenizer", ...tokenizer, `${out}/64`);
    const dynamics = ["--tokenizer", `${out}/tokenizer`, "--out", `${out}/dynamics`, ...(await bf16())];
    dynamics.push("--steps", "3", "--batch", "2", "--predictor-steps", "4");
    await python3("train_dynamics", ...dynamics);
    const learnt = `import torch; f = "${out}/dynamics/checkpoint.pt"; k = torch.load(f); k["trainer"]["ema"]["predictor.fourier.bias"] += 9; torch.save(k, f)`;
    const kept = `import torch; print(torch.load("${out}/further/predictor.pt")["weights"]["fourier.bias"][-1].item() > 8)`;
    await run(python, ["-c", learnt]); // features that the logs alone do not tell
    await cp(`${out}/dynamics`, `${out}/further`, { recursive: true }); // with its latents, which take a while
    await rm(`${out}/further/checkpoint.pt`);
    const further = ["--start-from", `${out}/dynamics`, "--steps", "0", "--predictor-steps", "4"];
    await python3("train_dynamics", "--tokenizer", `${out}/tokenizer`, "--out", `${out}/further`, ...further);
    expect((await run(python, ["-c", kept])).stdout).toBe("True\n");
    const decoder = ["--start-from", `${out}/tokenizer`, "--only", "decoder", "--dreams-of", `${out}/dynamics`];
    const shown = await python3("train_tokenizer", "--out", `${out}/decoder`, ...decoder, ...long);
    for (const dreamt of ["dreamt 12, of 32 ticks each", "dreamt 4, of 40 ticks each"])
      expect(shown.stdout).toContain(dreamt);
    const parts = ["--tokenizer", `${out}/decoder`, "--dynamics", `${out}/dynamics`];
    await python3("export", ...parts, "--out", `${out}/fresh-world`, "--starts", "2");
    await checkGoldens(`${out}/fresh-world`);
    const world = await openWorld(`${out}/fresh-world`, { threads: 1 });
    const env = await world.open();
    await env.reset({ seed: 1, task: "reach" });
    const step = await env.step(new Float32Array(20));
    expect(step.info).toMatchObject({ tick: 1, task: "reach" });
    await env.close();
    await world.close();
    await python3("train_probe", "--out", `${out}/probe`, "--steps", "2", "--batch", "4");
    const measured = JSON.parse(await readFile(`${out}/probe/log.json`, "utf8"));
    expect(measured).toMatchObject([{ step: 2, tip_cm: expect.any(Number), soft_tip_cm: expect.any(Number) }]);

    // What a run keeps is used again where it was made of the same, and of nothing else.
    const again = await python3("train_dynamics", ...dynamics);
    expect(again.stdout).not.toContain("encoding episode");
    expect(again.stdout).toContain("resumed at step 3");
    const other = `import torch; f = "${out}/tokenizer/checkpoint.pt"; k = torch.load(f); k["trainer"]["ema"]["encoder.stem.bias"] += 1; torch.save(k, f)`;
    await run(python, ["-c", other]);
    await expect(python3("train_dynamics", ...dynamics)).rejects.toThrow("was trained on other logs, or on from other");
    await rm(`${out}/dynamics/checkpoint.pt`);
    const anew = await python3("train_dynamics", ...dynamics, "--steps", "0");
    expect(anew.stdout).toContain("encoding episode 12/12");
    expect(anew.stdout).not.toContain("resumed");
  } finally {
    await rm(out, { recursive: true });
  }
});
