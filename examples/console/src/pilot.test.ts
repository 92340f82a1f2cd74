import { createSimulator } from "@worldstep/tabletop";
import { expect, test } from "vitest";
import { type Pilot, pilotFor } from "./pilot.js";
import { looksAgain, savedLooks } from "./saved.js";
import type { Seen } from "./seen.js";

const SEED = 978;
const HELD = 7; // by then the cube is in the gripper

test("an expert goes on with the plan that it had before a reload", async () => {
  const env = await createSimulator();
  const task = "pick-place";
  const begun = { reward: 0, total: 0, terminated: false, truncated: false, success: false, ms: 0 };
  const seenOf = ({ observation, info }: Awaited<ReturnType<typeof env.reset>>): Seen => ({
    ...begun,
    observation,
    environmentState: info.environmentState as Record<string, number>,
  });
  let seen = seenOf(await env.reset({ seed: SEED, task }));
  const before = pilotFor(env.spec, task, SEED, seen);
  const step = async (pilot: Pilot): Promise<Float32Array> => {
    const block = pilot.act(seen);
    seen = seenOf(await env.step(block));
    return block;
  };
  for (let tick = 0; tick < HELD; tick++) await step(before);
  const looked = looksAgain(savedLooks(before.looked));
  const after = pilotFor(env.spec, task, SEED, seen, looked);
  const forgetful = pilotFor(env.spec, task, SEED, seen);
  expect(after.isExpert).toBe(true);
  let differs = false;
  for (let tick = 0; tick < 12; tick++) {
    const [again, anew] = [after.act(seen), forgetful.act(seen)];
    const block = await step(before);
    expect(again).toEqual(block);
    differs ||= String(anew) !== String(block);
  }
  expect(differs).toBe(true);
  await env.close();
});
