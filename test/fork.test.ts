// Forks and snapshots: whatever is forked, kept and put back in between, each course of an env is the one that its seed and
// actions make alone; also in another process, and over a server.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type OpenWorld, openWorld } from "@worldstep/engine";
import {
  type Env,
  fork,
  restore,
  type StepResult,
  snapshot,
  stepChunk,
  type Tensor,
  tensorBytes,
} from "@worldstep/protocols";
import { connect, VectorEnv } from "@worldstep/sdk";
import { type RunningServer, serve } from "@worldstep/server";
import { createSimulator } from "@worldstep/tabletop";
import fc from "fast-check";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const run = promisify(execFile);
const TINY_WORLD = join(import.meta.dirname, "fixtures/tiny-world");
const SEED = 5;

let world: OpenWorld;
let server: RunningServer;
let address: string;

const simulator = () => createSimulator({ size: 16 });
const hosted = async () => {
  const { spec } = await simulator();
  return { spec, hash: "simulator", open: simulator };
};

beforeAll(async () => {
  world = await openWorld(TINY_WORLD, { threads: 1 });
  server = await serve({ worlds: [await hosted(), world], logger: pino({ level: "silent" }) });
  address = server.url.replace("http:", "ws:");
});
afterAll(async () => {
  await server.close();
  await world.close();
});

const kinds: readonly [string, () => Promise<Env>][] = [
  ["the simulator", simulator],
  ["a dreamed world", () => world.open()],
];

type Move =
  | { readonly kind: "step" | "chunk"; readonly value: number }
  | { readonly kind: "fork" | "keep" | "back" }
  | { readonly kind: "reseed"; readonly seed: number };

const anyMove: fc.Arbitrary<Move> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("step" as const), value: fc.integer({ min: -9, max: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("chunk" as const), value: fc.integer({ min: -9, max: 9 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("fork" as const, "keep" as const, "back" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("reseed" as const), seed: fc.nat(99) }) },
);

describe.each(kinds)("%s", (_, open) => {
  test("each course among forks and snapshots is the one of its seed and actions alone", {
    timeout: 240_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(), anyMove), { minLength: 4, maxLength: 14 }), async (moves) => {
        // Each of `all` knows what led it to where it is.
        const root = await open();
        await root.reset({ seed: SEED, maxTicks: 0 });
        const all: { env: Env; past: Move[] }[] = [{ env: root, past: [] }];
        const kept: { bytes: Uint8Array; past: Move[] }[] = [];
        for (const [at, move] of moves) {
          const one = all[at % all.length] as (typeof all)[0];
          if (move.kind === "step" || move.kind === "chunk") {
            await made(one.env, move);
            one.past = [...one.past, move];
          } else if (move.kind === "fork" || move.kind === "reseed") {
            const seeded = move.kind === "reseed" ? { seed: move.seed } : {};
            const past = move.kind === "reseed" ? [...one.past, move] : one.past;
            all.push({ env: await fork(one.env, seeded), past });
          } else if (move.kind === "keep") {
            kept.push({ bytes: await snapshot(one.env), past: one.past });
          } else {
            const back = kept[at % Math.max(1, kept.length)];
            if (!back) continue;
            await restore(one.env, back.bytes);
            one.past = back.past;
          }
        }
        for (const { env, past } of all) {
          expect(digest(await made(env, { kind: "step", value: 3 }))).toBe(await alone(open, past));
          await env.close();
        }
      }),
      { numRuns: 12 },
    );
  });

  test("goes on from a snapshot in another process as if nothing had been", { timeout: 120_000 }, async () => {
    const env = await open();
    await env.reset({ seed: SEED, maxTicks: 0 });
    for (let i = 0; i < 3; i++) await made(env, { kind: "step", value: i });
    const folder = await mkdtemp(join(tmpdir(), "worldstep-snapshot-"));
    try {
      await writeFile(join(folder, "snapshot"), await snapshot(env));
      const { stdout } = await run("node", [
        "--input-type=module",
        "-e",
        OTHER_PROCESS,
        open === simulator ? "" : TINY_WORLD,
        join(folder, "snapshot"),
      ]);
      expect(stdout.trim()).toBe(digest(await goneOn(env)));
    } finally {
      await rm(folder, { recursive: true });
      await env.close();
    }
  });
});

// In the packages as they were built: another process, and not the one that vitest makes.
const OTHER_PROCESS = `
  import { createHash } from "node:crypto";
  import { readFileSync } from "node:fs";
  import { openWorld } from "@worldstep/engine";
  import { tensorBytes } from "@worldstep/protocols";
  import { createSimulator } from "@worldstep/tabletop";
  const [folder, file] = process.argv.slice(1);
  const env = folder ? await (await openWorld(folder, { threads: 1 })).open() : await createSimulator({ size: 16 });
  await env.restore(readFileSync(file));
  const hash = createHash("sha256");
  const told = ({ observation, ...rest }) => {
    for (const key of Object.keys(observation).sort()) hash.update(tensorBytes(observation[key]));
    hash.update(JSON.stringify(rest));
  };
  for (let i = 0; i < 4; i++) told(await env.step(new Float32Array(20).fill(i / 10)));
  told(await env.reset());
  console.log(hash.digest("hex"));
  process.exit();
`;

describe.each(["msgpack", "protobuf"] as const)("over a server, by %s", (codec) => {
  test.each(["tabletop", "tiny"])("%s forks, and goes on in another session from a snapshot", async (id) => {
    const connection = await connect(address, { codec });
    const name = connection.worlds.find((known) => known.id.startsWith(id))?.id as string;
    const local = id === "tabletop" ? await simulator() : await world.open();
    const env = await connection.open(name);
    for (const one of [local, env]) {
      await one.reset({ seed: SEED, maxTicks: 0 });
      await made(one, { kind: "step", value: 2 });
    }
    const [forked, bytes] = [await env.fork(), await env.snapshot()];
    const own = await snapshot(local);
    expect(forked.session).not.toBe(env.session);
    expect(forked.tick).toBe(1);
    const expected = digest(await goneOn(local));
    expect(digest(await goneOn(env))).toBe(expected);
    await env.close();
    expect(digest(await goneOn(forked))).toBe(expected);
    // What a server gave goes on here, and what was kept here goes on there.
    await restore(local, bytes);
    expect(digest(await goneOn(local))).toBe(expected);
    const other = await connect(address, { codec });
    const fresh = await other.open(name);
    await fresh.restore(own);
    expect(fresh.tick).toBe(1);
    expect(digest(await goneOn(fresh))).toBe(expected);
    await Promise.all([connection.close(), other.close()]);
    await local.close();
  });

  test("a restored session answers no step with what was before it", async () => {
    const connection = await connect(address, { codec });
    const env = await connection.open();
    await env.reset({ seed: 1, maxTicks: 0 });
    const bytes = await env.snapshot();
    const first = await env.step(still(0.1));
    await env.reset({ seed: 2, maxTicks: 0 });
    const other = await env.step(still(0.1));
    await env.restore(bytes);
    expect(await env.step(still(0.1))).toEqual(first);
    expect(other).not.toEqual(first);
    await connection.close();
  });

  test("a snapshot of another world, one that is cut, and one of none are refused by their codes", async () => {
    const connection = await connect(address, { codec });
    const [first, second] = [await connection.open(), await connection.open(connection.worlds[1]?.id)];
    await expect(first.snapshot()).rejects.toMatchObject({ code: "reset_needed", facts: { call: "snapshot" } });
    await expect(first.fork()).rejects.toMatchObject({ code: "reset_needed", facts: { call: "fork" } });
    await first.reset({ seed: 1 });
    const bytes = await first.snapshot();
    await expect(second.restore(bytes)).rejects.toMatchObject({ code: "snapshot_world", name: "SnapshotError" });
    await expect(first.restore(bytes.subarray(8))).rejects.toMatchObject({ code: "snapshot_damaged" });
    await expect(first.restore(new Uint8Array(0))).rejects.toMatchObject({ code: "snapshot_damaged" });
    expect(first.tick).toBe(0);
    await connection.close();
  });
});

test("a world that was opened otherwise takes no snapshot: its bits would be others", async () => {
  const [env, int8] = [await world.open(), await openWorld(TINY_WORLD, { threads: 1, precision: "int8" })];
  await env.reset({ seed: 1 });
  const other = await int8.open();
  await expect(restore(other, await snapshot(env))).rejects.toMatchObject({ code: "snapshot_backend" });
  await int8.close();
});

test("a vector of forks steps from where the env is, each with its own seed", async () => {
  const env = await world.open();
  await env.reset({ seed: SEED, maxTicks: 0 });
  await env.step(still(0.2));
  const alike = await VectorEnv.fork(env, 3);
  const { observations } = await alike.step([still(0.1), still(0.1), still(0.3)]);
  const [first, second, third] = rowsOf(observations.frames?.data as Uint8Array, 3);
  expect(first).toEqual(second);
  expect(third).not.toEqual(first);
  expect(first).toEqual((await env.step(still(0.1))).observation.frames.data);
  const seeded = await VectorEnv.fork(env, 2, { seeds: [1, 2] });
  const { observations: own } = await seeded.step([still(0.1), still(0.1)]);
  const [one, two] = rowsOf(own.frames?.data as Uint8Array, 2);
  expect(one).not.toEqual(two);
  await expect(VectorEnv.fork(env, 2, { seeds: [1] })).rejects.toMatchObject({ code: "option_vector" });
  await Promise.all([alike.close(), seeded.close(), env.close()]);
});

function still(value: number): Float32Array {
  return new Float32Array(20).fill(value);
}

function rowsOf(data: Uint8Array, count: number): Uint8Array[] {
  const size = data.length / count;
  return Array.from({ length: count }, (_, i) => data.slice(i * size, (i + 1) * size));
}

async function made(env: Env, { kind, value }: Extract<Move, { value: number }>): Promise<StepResult[]> {
  if (kind === "step") return [await env.step(still(value / 10))];
  return stepChunk(
    env,
    Array.from({ length: env.spec.chunk ?? 1 }, (_, k) => still((value + k / 10) / 10.2)),
  );
}

/** What a step after `past` gives, of an env that nothing else was done with. A fork with a seed is the one way to have one. */
async function alone(open: () => Promise<Env>, past: readonly Move[]): Promise<string> {
  let env = await open();
  await env.reset({ seed: SEED, maxTicks: 0 });
  for (const move of past) {
    if (move.kind === "step" || move.kind === "chunk") await made(env, move);
    else if (move.kind === "reseed") env = await fork(env, { seed: move.seed });
  }
  return digest(await made(env, { kind: "step", value: 3 }));
}

async function goneOn(env: Env): Promise<Partial<StepResult>[]> {
  const course: Partial<StepResult>[] = [];
  for (let i = 0; i < 4; i++) course.push(await env.step(still(i / 10)));
  return [...course, await env.reset()];
}

function digest(course: readonly Partial<StepResult>[]): string {
  const hash = createHash("sha256");
  for (const { observation = {}, ...rest } of course) {
    for (const [, tensor] of Object.entries(observation).sort(([a], [b]) => (a < b ? -1 : 1)))
      hash.update(tensorBytes(tensor as Tensor));
    hash.update(JSON.stringify(rest));
  }
  return hash.digest("hex");
}
