import { expect, test } from "vitest";
import { block, CounterWorld } from "../test/counter-world.js";
import { record } from "./record.js";

test("episodes hold one observation more than actions, and only what succeeded", async () => {
  const env = record(new CounterWorld());
  await env.reset({ seed: 1, maxTicks: 2 });
  await env.step(block(0.5));
  await expect(env.step(block(2))).rejects.toMatchObject({ code: "action_out_of_range" });
  await env.step(block(0.25));
  await expect(env.step(block(0))).rejects.toMatchObject({ code: "reset_needed" });
  const { observation } = await env.reset({ seed: 2 });
  const [first, second] = env.episodes;
  expect(first?.observations.length).toBe(3);
  expect(first?.infos.map(({ tick }) => tick)).toEqual([0, 1, 2]);
  expect(first?.actions.map(({ shape, data }) => [...shape, data[0]])).toEqual([
    [4, 2, 0.5],
    [4, 2, 0.25],
  ]);
  expect(first?.rewards).toEqual([0.5, 0.25]);
  expect(first).toMatchObject({ options: { seed: 1, maxTicks: 2 }, terminated: false, truncated: true });
  expect(second).toMatchObject({ observations: [observation], actions: [], truncated: false });
});
