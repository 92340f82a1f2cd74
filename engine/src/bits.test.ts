// The same seed and actions give the same bits: chunks, limits, failures in the middle, other sessions, both precisions.
import { createHash } from "node:crypto";
import { type Env, type StepResult, tensorBytes } from "@worldstep/protocols";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { TINY_WORLD, TINY_WORLD_V2 } from "../../test/fixtures/worlds.js";
import type { Backend } from "./backend.js";
import { OrtBackend } from "./backends/ort/backend.js";
import { DreamedEnv } from "./dreamed-env.js";
import { Networks } from "./networks.js";
import { FolderSource } from "./world/folder.js";
import { loadWorld, specOf, type World } from "./world/world.js";
import { WorldModel } from "./world-model.js";

interface Chunk {
  readonly length: number;
  readonly nfe: number;
}

const MOST = 3;
const PLAN = fc.array(fc.record({ length: fc.integer({ min: 1, max: MOST }), nfe: fc.integer({ min: 1, max: 2 }) }), {
  minLength: 1,
  maxLength: 3,
});
const SEED = fc.nat(1000);

// Block `i` of a plan that is told apart by `kind`.
const action = (i: number, kind = 0) => Float32Array.from({ length: 20 }, (_, j) => Math.sin(1 + i * 20 + j + kind));

/** All bits of a result, and those of its observation. */
interface Told {
  readonly all: string;
  readonly shown: string;
  readonly truncated: boolean;
}

function told({ observation, ...rest }: StepResult): Told {
  const hash = createHash("sha256");
  for (const name of ["frames", "proprioception"] as const) hash.update(tensorBytes(observation[name]));
  const shown = hash.digest("hex");
  return { all: `${JSON.stringify(rest)} ${shown}`, shown, truncated: rest.truncated };
}

// What every chunk told; after the end of the episode nothing.
async function play(env: Env, plan: readonly Chunk[], kind = 0): Promise<Told[][]> {
  const chunks: Told[][] = [];
  let first = 0;
  for (const { length, nfe } of plan) {
    const actions = Array.from({ length }, (_, k) => action(first + k, kind));
    const results = (await env.stepChunk?.(actions, { nfe })) ?? [];
    chunks.push(results.map(told));
    first += length;
    if (results.at(-1)?.terminated || results.at(-1)?.truncated) break;
  }
  return chunks;
}

const shown = (chunks: readonly Told[][]) => chunks.flat().map((tick) => tick.shown);

describe.each(["fp32", "int8"] as const)("%s", (precision) => {
  let world: World;
  let networks: Networks;
  let runs = 0;
  let failAt = Number.POSITIVE_INFINITY;

  beforeAll(async () => {
    world = await loadWorld(new FolderSource(TINY_WORLD));
    const backend = failing(new OrtBackend({ threads: 1 }), () => ++runs === failAt);
    networks = await Networks.open(world, backend, precision);
    return () => backend.close();
  });

  const open = (): Env => new DreamedEnv(specOf(world.manifest), new WorldModel(world.manifest, networks), world);

  it("an older world dreams what it dreams as it is written today", async () => {
    const older = await loadWorld(new FolderSource(TINY_WORLD_V2));
    const itsBackend = new OrtBackend({ threads: 1 });
    const itsNetworks = await Networks.open(older, itsBackend, precision);
    const env = new DreamedEnv(specOf(older.manifest), new WorldModel(older.manifest, itsNetworks), older);
    const plan = [1, 2, MOST].flatMap((length) => [1, 4].map((nfe) => ({ length, nfe })));
    const [then, now] = await Promise.all(
      [env, open()].map(async (one) => {
        await one.reset({ seed: 4, maxTicks: 0 });
        return play(one, plan);
      }),
    );
    expect(then?.flat()).toHaveLength(12);
    expect(then).toEqual(now);
    expect(specOf(older.manifest)).toEqual(specOf(world.manifest));
    await itsBackend.close();
  });

  it("a chunk that broke in any of its runs left the session where it was", async () => {
    await fc.assert(
      fc.asyncProperty(SEED, PLAN, fc.nat(60), async (seed, plan, at) => {
        const [plain, troubled] = [open(), open()];
        await plain.reset({ seed });
        const expected = await play(plain, plan);
        await troubled.reset({ seed });
        let failures = 0;
        let first = 0;
        failAt = runs + 1 + at;
        for (const [i, { length, nfe }] of plan.entries()) {
          const actions = Array.from({ length }, (_, k) => action(first + k));
          const results = await troubled.stepChunk?.(actions, { nfe }).catch(async (error: Error) => {
            expect(error.message).toBe("the run broke");
            failures++;
            // Other actions in between, which break as well, change nothing.
            failAt = runs + 3;
            await expect(troubled.step(action(99))).rejects.toThrow("the run broke");
            return troubled.stepChunk?.(actions, { nfe });
          });
          expect(results?.map(told)).toEqual(expected[i]);
          first += length;
        }
        expect(failures).toBeLessThanOrEqual(1);
        failAt = Number.POSITIVE_INFINITY;
      }),
      { numRuns: 8 },
    );
  });

  it("what lies behind an episode's end changes nothing before it", async () => {
    await fc.assert(
      fc.asyncProperty(SEED, PLAN, fc.integer({ min: 1, max: 12 }), async (seed, plan, maxTicks) => {
        const [endless, limited] = [open(), open()];
        await endless.reset({ seed, maxTicks: 0 });
        const all = shown(await play(endless, plan));
        await limited.reset({ seed, maxTicks });
        const chunks = await play(limited, plan);
        expect(shown(chunks)).toEqual(all.slice(0, maxTicks));
        const ends = chunks.flat().map(({ truncated }) => truncated);
        expect(ends).toEqual(ends.map((_, i) => i + 1 === maxTicks));
        const task = limited.spec.tasks.at(-1) as string; // may succeed at any tick
        await limited.reset({ seed, task, maxTicks: 0 });
        const played = shown(await play(limited, plan));
        expect(played).toEqual(all.slice(0, played.length));
      }),
      { numRuns: 5 },
    );
  });

  it("other sessions in between change nothing, nor does what they were given", async () => {
    await fc.assert(
      fc.asyncProperty(SEED, PLAN, PLAN, async (seed, plan, others) => {
        const [alone, among] = [open(), open()];
        await alone.reset({ seed });
        const expected = await play(alone, plan);
        await among.reset({ seed });
        const beside = Array.from({ length: 3 }, async (_, i) => {
          const env = open();
          await env.reset({ seed: seed + i });
          return play(env, i === 0 ? plan : others, i);
        });
        expect(await play(among, plan)).toEqual(expected);
        const [same] = await Promise.all(beside);
        expect(same).toEqual(expected);
      }),
      { numRuns: 4 },
    );
  });
});

// The same backend, but a run fails, after it did its work, whenever `fails` says so.
function failing(backend: Backend, fails: () => boolean): Backend {
  return {
    kind: backend.kind,
    compile: async (...args) => {
      const program = await backend.compile(...args);
      const run: typeof program.run = async (...given) => {
        const made = await program.run(...given);
        if (fails()) throw new Error("the run broke");
        return made;
      };
      return { ...program, run };
    },
    close: () => backend.close(),
  };
}
