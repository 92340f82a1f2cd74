// What an env must refuse, by its code, and be none the worse for it.
import {
  type ActionLike,
  type Env,
  elementCount,
  fork,
  type ResetOptions,
  restore,
  snapshot,
  stepChunk,
} from "@worldstep/protocols";
import type { NamedCheck } from "./check.js";
import { offered } from "./course.js";
import { actionAt, expect, expectRefusal, expectSame, NOTHINGS } from "./expect.js";

export const refusalChecks: readonly NamedCheck[] = [
  [
    "step before the first reset is refused",
    async ({ open }) => {
      const env = await open();
      await expectRefusal(() => env.step(actionAt(env, 0)), "reset_needed", "a step before the first reset");
    },
  ],
  [
    "step after the end of the episode is refused",
    async ({ open, seed }) => {
      const env = await open();
      await env.reset({ seed, maxTicks: 1 });
      const { terminated, truncated } = await env.step(actionAt(env, 0));
      expect(terminated || truncated, "the episode of one tick did not end");
      await expectRefusal(() => env.step(actionAt(env, 1)), "reset_needed", "a step after the end");
      await env.reset({ seed });
      await env.step(actionAt(env, 0));
    },
  ],
  [
    "bad actions are refused by their code, and the env stays at its tick",
    async ({ open, seed }) => {
      const env = await open();
      const { shape, high } = env.spec.actionSpace;
      const count = elementCount(shape);
      const bad: readonly [string, ActionLike, string][] = [
        ["NaN", new Float32Array(count).fill(Number.NaN, count - 1), "action_not_finite"],
        ["infinity", new Float32Array(count).fill(Number.POSITIVE_INFINITY), "action_not_finite"],
        ["a value above the bound", new Float32Array(count).fill(high + 1), "action_out_of_range"],
        ["a flat action that is too short", new Float32Array(count - 1), "action_shape"],
        ["an empty action", [], "action_shape"],
        ["a transposed tensor", { dtype: "float32", shape: [1, count], data: new Float32Array(count) }, "action_shape"],
      ];
      await expectUnharmed(open, seed, async (troubled) => {
        for (const [what, action, code] of bad) await expectRefusal(() => troubled.step(action), code, what);
      });
    },
  ],
  [
    "bad options are refused, and the env stays at its tick",
    async ({ open, seed }) => {
      const { acceptsFrames, nfe } = (await open()).spec;
      const bad: readonly [string, ResetOptions][] = [
        ["an unknown task", { task: "no such task" }],
        ["an unknown start", { start: "no such start" }],
        ["a negative seed", { seed: -1 }],
        ["half a seed", { seed: 0.5 }],
        ["a seed of 2^53", { seed: 2 ** 53 }],
        ["negative maxTicks", { seed, maxTicks: -1 }],
        ["half a tick", { seed, maxTicks: 0.5 }],
      ];
      const frames: ResetOptions = { frames: { dtype: "uint8", shape: [1, 2, 2, 3], data: new Uint8Array(12) } };
      const what = acceptsFrames ? "frames of another size" : "frames, which the spec does not accept,";
      await expectUnharmed(open, seed, async (env) => {
        for (const [name, options] of [...bad, [what, frames] as const]) {
          await expectRefusal(() => env.reset(options), "option_", name);
        }
        const outside = nfe === undefined ? [1] : [nfe.min - 1, nfe.max + 1];
        for (const count of outside) {
          await expectRefusal(() => env.step(actionAt(env, 0), { nfe: count }), "option_", `${count} NFE`);
        }
      });
    },
  ],
  [
    "what is no action, no options and no snapshot at all is refused by a code, and the env stays at its tick",
    async ({ open, seed }) => {
      await expectUnharmed(open, seed, async (env) => {
        const action = actionAt(env, 1);
        for (const [name, value] of NOTHINGS) {
          const bad = value as never;
          await expectRefusal(() => env.step(bad), "action_", `an action that is ${name}`);
          await expectRefusal(() => stepChunk(env, bad), "action_", `a list of actions that is ${name}`);
          if (value === undefined) continue; // as good as absent
          await expectRefusal(() => env.reset(bad), "option_invalid", `reset options that are ${name}`);
          await expectRefusal(() => env.step(action, bad), "option_invalid", `step options that are ${name}`);
          for (const option of ["seed", "task", "start", "frames", "actions", "proprioception", "maxTicks"]) {
            const what = `a reset with ${option} that is ${name}`;
            await expectRefusal(() => env.reset({ seed, [option]: value }), "option_", what);
          }
          for (const option of ["nfe", "observe"]) {
            const what = `a step with ${option} that is ${name}`;
            await expectRefusal(() => env.step(action, { [option]: value }), "option_", what);
          }
          if (env.fork) {
            await expectRefusal(() => fork(env, bad), "option_invalid", `fork options that are ${name}`);
            await expectRefusal(() => fork(env, { seed: bad }), "option_seed", `a fork with a seed that is ${name}`);
          }
        }
      });
      const env = await open();
      await env.reset({ seed });
      const whole = await offered(() => snapshot(env), "env_cannot_snapshot");
      for (const [name, value] of whole ? NOTHINGS : []) {
        await expectRefusal(() => restore(env, value as never), "snapshot_damaged", `a snapshot that is ${name}`);
      }
    },
  ],
  [
    "close may be called twice, and ends the env",
    async ({ open, seed }) => {
      const env = await open();
      await env.reset({ seed });
      await env.close();
      await env.close();
      await expectRefusal(() => env.step(actionAt(env, 0)), "env_closed", "a step after close");
      await expectRefusal(() => env.reset({ seed }), "env_closed", "a reset after close");
    },
  ],
];

// Steps two envs alike but for the trouble that one gets between two ticks; nobody may see a difference.
async function expectUnharmed(
  open: () => Promise<Env>,
  seed: number,
  trouble: (env: Env) => Promise<void>,
): Promise<void> {
  const [plain, troubled] = [await open(), await open()];
  for (const env of [plain, troubled]) {
    await env.reset({ seed, maxTicks: 2 });
    await env.step(actionAt(env, 0));
  }
  await trouble(troubled);
  expectSame(
    await troubled.step(actionAt(troubled, 1)),
    await plain.step(actionAt(plain, 1)),
    "the step after the refused calls",
  );
}
