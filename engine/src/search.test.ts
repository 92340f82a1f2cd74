// The search for a plan, on landscapes whose best is known.
import { describe, expect, it } from "vitest";
import { search } from "./search.js";

const BOUNDS = { low: -1, high: 1 };
const BEST = Float32Array.of(0.5, -0.25, 0.75, -1); // [T = 2, A = 2]

const away = (actions: Float32Array) => -actions.reduce((sum, x, k) => sum + (x - (BEST[k] as number)) ** 2, 0);
const evaluate = async (candidates: readonly Float32Array[]) => Float64Array.from(candidates, away);

describe.each(["cem", "mppi"] as const)("%s", (method) => {
  const asked = { method, samples: 256, iterations: 8, seed: 3 };

  it("finds the best, and says what it is worth", async () => {
    const found = await search(asked, new Float32Array(4), 2, BOUNDS, evaluate);
    expect(found.worth).toBeGreaterThan(-0.02);
    expect(found.worth).toBe(away(found.actions));
  });

  it("is the same again, and another with another seed", async () => {
    const [one, again, other] = await Promise.all(
      [3, 3, 4].map((seed) => search({ ...asked, seed }, new Float32Array(4), 2, BOUNDS, evaluate)),
    );
    expect(again).toEqual(one);
    expect(other).not.toEqual(one);
  });

  it("is never worse than where it begins, and stays within the bounds", async () => {
    const tried: Float32Array[] = [];
    const spied = async (candidates: readonly Float32Array[]) => {
      tried.push(...candidates);
      return evaluate(candidates);
    };
    expect(await search({ ...asked, samples: 2, iterations: 1 }, BEST, 2, BOUNDS, spied)).toMatchObject({ worth: -0 });
    await search(asked, new Float32Array(4), 2, BOUNDS, spied);
    expect(tried.flatMap((actions) => [...actions]).every((x) => x >= -1 && x <= 1)).toBe(true);
  });

  it("where all are worth the same, gives the first", async () => {
    const flat = async (candidates: readonly Float32Array[]) => new Float64Array(candidates.length);
    expect((await search(asked, BEST, 2, BOUNDS, flat)).actions).toEqual(BEST);
  });
});
