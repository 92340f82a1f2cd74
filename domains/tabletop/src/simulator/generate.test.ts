import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { heldOutSeed, trainingSeed } from "@worldstep/sdk";
import { expect, test } from "vitest";
import { generate } from "./generate.js";
import { readShard } from "./shard.js";

test("a data set reads back, is kept when run again, and refuses other settings", async () => {
  const out = mkdtempSync(join(tmpdir(), "worldstep-data-"));
  const progress: number[] = [];
  await generate({ episodes: 2, out, seed: 5, workers: 0, onProgress: (done) => progress.push(done) });
  expect(progress).toEqual([0, 1, 2]);
  expect(readdirSync(out).sort()).toEqual(["meta.json", "shard-00000.safetensors.gz"]);

  const { mirrored } = JSON.parse(readFileSync(join(out, "meta.json"), "utf8"));
  const cubes = ["red", "green", "blue"];
  expect(mirrored).toEqual([
    ...["dy", "yaw", "y (m)", "yaw (rad)"],
    ...cubes.map((cube) => `${cube} y (m)`),
    ...cubes.map((cube) => `${cube} sin 4 yaw`),
    ...["bin", "button", "goal"].map((place) => `${place} y (m)`),
  ]);
  const path = join(out, "shard-00000.safetensors.gz");
  const shard = readShard(path);
  const shapes = Object.fromEntries(Object.entries(shard).map(([name, { shape }]) => [name, shape]));
  expect(shapes).toEqual({
    frames: [2, 129, 64, 64, 3],
    actions: [2, 32, 4, 5],
    proprioception: [2, 129, 5],
    rewards: [2, 32, 4],
    success: [2, 32, 4],
    environmentState: [2, 129, 21],
    task: [2],
    policy: [2],
    seed: [2],
  });
  expect([...(shard.seed?.data ?? [])]).toEqual([trainingSeed(5, 0), trainingSeed(5, 1)]);
  expect(shard.frames?.data.some((value) => value > 0)).toBe(true);

  const { mtimeMs } = statSync(path);
  await generate({ episodes: 2, out, seed: 5, workers: 0 });
  expect(statSync(path).mtimeMs).toBe(mtimeMs);
  await expect(generate({ episodes: 2, out, seed: 6, workers: 0 })).rejects.toMatchObject({
    code: "data_settings_differ",
  });
  rmSync(out, { recursive: true });
});

test("an episode may be short: it begins as the long one of its seed", async () => {
  const outs = [32, 1].map((ticks) => ({ ticks, out: mkdtempSync(join(tmpdir(), "worldstep-data-")) }));
  const [long, short] = await Promise.all(
    outs.map(async ({ ticks, out }) => {
      await generate({ episodes: 1, out, seed: 5, size: 16, ticks, workers: 0 });
      return readShard(join(out, "shard-00000.safetensors.gz"));
    }),
  );
  expect(short?.frames?.shape).toEqual([1, 5, 16, 16, 3]);
  for (const name of ["frames", "actions", "environmentState"]) {
    const data = short?.[name]?.data;
    expect(data).toEqual(long?.[name]?.data.slice(0, data?.length));
  }
  for (const { out } of outs) rmSync(out, { recursive: true });
});

test("training and held-out seeds never meet", () => {
  const seeds = [0, 1, 2000].flatMap((seed) => [0, 999_999].map((i) => [trainingSeed(seed, i), heldOutSeed(seed, i)]));
  for (const [training = 1, heldOut = 0] of seeds) {
    expect(training % 2).toBe(0);
    expect(heldOut % 2).toBe(1);
    expect(Math.max(training, heldOut)).toBeLessThan(2 ** 31);
  }
});
