import type { ActionLike, Env, ResetOptions, StepResult } from "@worldstep/protocols";
import { expect, test } from "vitest";
import { CounterWorld } from "../../test/counter-world.js";
import { checkEnv } from "./check-env.js";

test("a sound env passes every check", async () => {
  const report = await checkEnv(async () => new CounterWorld());
  expect(report.checks.filter(({ ok }) => !ok)).toEqual([]);
  expect(report.ok).toBe(true);
});

// Each broken env, and the check that must find it out.
const broken: readonly [string, () => Env, string][] = [
  ["ignores its seed", () => bend({ reset: (env, options) => env.reset({ ...options, seed: 1 }) }), "other seeds"],
  [
    "has its own luck",
    () => bend({ step: async (env, action) => ({ ...(await env.step(action)), reward: Math.random() }) }),
    "the same seed and actions",
  ],
  [
    "ends by itself",
    () => bend({ step: async (env, action) => ({ ...(await env.step(action)), terminated: true }) }),
    "truncated, not terminated",
  ],
  [
    "shows too many frames",
    () =>
      bend({
        step: async (env, action) => {
          const result = await env.step(action);
          const frames = { dtype: "uint8", shape: [1], data: new Uint8Array(1) } as const;
          return { ...result, observation: { ...result.observation, frames } };
        },
      }),
    "observations in the space",
  ],
  [
    "swallows bad actions",
    () => bend({ step: (env, action) => env.step(action).catch(() => env.step(new Float32Array(8))) }),
    "bad actions",
  ],
  [
    "forgets its task list",
    () => bend({ reset: (env, { task: _, ...options } = {}) => env.reset(options) }),
    "bad options",
  ],
  ["stays open", () => bend({ close: async () => undefined }), "close may be called twice"],
];

test.each(broken)("an env that %s is found out", async (_, open, check) => {
  const report = await checkEnv(async () => open(), { throwOnFailure: false });
  expect(report.ok).toBe(false);
  expect(report.checks.filter(({ ok }) => !ok).map(({ name }) => name)).toContainEqual(expect.stringContaining(check));
});

test("one error lists all failures", async () => {
  const open = async () => bend({ close: async () => undefined });
  await expect(checkEnv(open)).rejects.toMatchObject({ code: "check_env_failed", facts: { failed: [{ ok: false }] } });
});

interface Bend {
  reset?(env: Env, options?: ResetOptions): ReturnType<Env["reset"]>;
  step?(env: Env, action: ActionLike): Promise<StepResult>;
  close?(env: Env): Promise<void>;
}

function bend({ reset, step, close }: Bend): Env {
  const env = new CounterWorld();
  return {
    spec: env.spec,
    reset: (options) => (reset ? reset(env, options) : env.reset(options)),
    step: (action, options) => (step ? step(env, action) : env.step(action, options)),
    close: () => (close ? close(env) : env.close()),
  };
}
