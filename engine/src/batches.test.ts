// Who gets how much of a world that all want at the same time.
import { expect, it } from "vitest";
import { TINY_WORLD } from "../../test/fixtures/worlds.js";
import { openWorld } from "./open-world.js";

const KINDS = [
  { length: 1, nfe: 1 },
  { length: 1, nfe: 4 },
  { length: 3, nfe: 1 },
  { length: 2, nfe: 2 },
];
const EACH = 6;
const SECONDS = 2;

// Predicted state, evaluations, and of each tick the clean pass and the frames; a chunk predicts its later ticks twice.
const runsOf = ({ length, nfe }: { readonly length: number; readonly nfe: number }) => 4 * length - 1 + nfe;

it("all sessions get about as many runs, whatever they ask for: none less than half of what the luckiest gets", async () => {
  const world = await openWorld(TINY_WORLD, { threads: 1 });
  const sessions = KINDS.flatMap((kind) => Array.from({ length: EACH }, () => kind));
  const envs = await Promise.all(sessions.map(() => world.open()));
  await Promise.all(envs.map((env, i) => env.reset({ seed: i, maxTicks: 0 })));
  const end = performance.now() + 1000 * SECONDS;
  const runs = await Promise.all(
    sessions.map(async (kind, i) => {
      const actions = Array.from({ length: kind.length }, () => new Float32Array(20));
      let runs = 0;
      for (; performance.now() < end; runs += runsOf(kind)) await envs[i]?.stepChunk?.(actions, { nfe: kind.nfe });
      return runs;
    }),
  );
  expect(Math.min(...runs)).toBeGreaterThan(3 * Math.max(...KINDS.map(runsOf)));
  expect(Math.min(...runs) / Math.max(...runs)).toBeGreaterThanOrEqual(0.5);
  await world.close();
});
