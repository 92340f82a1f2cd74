// Forks and snapshots, of envs that have them: they go on as the env that they were taken of, and it doesn't notice.
import { fork, restore, snapshot } from "@worldstep/protocols";
import type { CheckContext, NamedCheck } from "./check.js";
import { begun, expectSameCourse, goOn, offered } from "./course.js";
import { actionAt, expectRefusal } from "./expect.js";

export const forkChecks: readonly NamedCheck[] = [
  [
    "fork: goes on as the env does, resets included, and neither sees the other",
    async (context) => {
      const env = await begun(context);
      const other = await offered(() => fork(env), "env_cannot_fork");
      if (other === undefined) return;
      try {
        await other.step(actionAt(env, 9)); // which the env must not notice
        const expected = await goOn(await begun(context), context);
        const again = await fork(env);
        expectSameCourse(await goOn(env, context), expected, "the env after a fork");
        await env.close();
        expectSameCourse(await goOn(again, context), expected, "a fork, after its env was closed");
        await again.close();
      } finally {
        await other.close();
      }
    },
  ],
  [
    "fork: with a seed it is the same again",
    async (context) => {
      const env = await begun(context);
      const first = await offered(() => fork(env, { seed: 5 }), "env_cannot_fork");
      if (first === undefined) return;
      const second = await fork(env, { seed: 5 });
      expectSameCourse(await goOn(second, context), await goOn(first, context), "the second fork of one seed");
      await expectRefusal(() => fork(env, { seed: -1 }), "option_seed", "a fork with a negative seed");
      await Promise.all([first.close(), second.close()]);
    },
  ],
  [
    "snapshot: an env that restores it goes on as the one that it was taken of",
    async (context) => {
      const env = await begun(context);
      const bytes = await offered(() => snapshot(env), "env_cannot_snapshot");
      if (bytes === undefined) return;
      const expected = await goOn(env, context);
      await restore(env, bytes);
      expectSameCourse(await goOn(env, context), expected, "the env itself, after restore()");
      const fresh = await context.open();
      await restore(fresh, bytes);
      expectSameCourse(await goOn(fresh, context), expected, "another env, after restore()");
    },
  ],
  [
    "restore: what is no snapshot is refused, and the env stays at its tick",
    async (context) => {
      const [plain, env] = [await begun(context), await begun(context)];
      const bytes = await offered(() => snapshot(env), "env_cannot_snapshot");
      if (bytes === undefined) return;
      const flipped = bytes.slice();
      flipped[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
      for (const [what, bad] of [
        ["nothing", new Uint8Array(0)],
        ["half a snapshot", bytes.subarray(0, bytes.length >> 1)],
        ["a snapshot with a flipped bit", flipped],
      ] as const) {
        await expectRefusal(() => restore(env, bad), "snapshot_", what);
      }
      expectSameCourse(await goOn(env, context), await goOn(plain, context), "the env after it refused");
    },
  ],
  [
    "fork and snapshot before the first reset, and after close, are refused",
    async (context) => {
      const env = await context.open();
      const calls = { env_cannot_fork: () => fork(env), env_cannot_snapshot: () => snapshot(env) };
      for (const [cannot, call] of Object.entries(calls)) {
        await expectRefusal(
          call,
          (await isOffered(context, cannot)) ? "reset_needed" : cannot,
          "a call before a reset",
        );
      }
      await env.close();
      for (const [cannot, call] of Object.entries(calls)) {
        if (await isOffered(context, cannot)) await expectRefusal(call, "env_closed", "a call after close");
      }
    },
  ],
];

async function isOffered(context: CheckContext, cannot: string): Promise<boolean> {
  const env = await begun(context);
  if (cannot === "env_cannot_snapshot") return (await offered(() => snapshot(env), cannot)) !== undefined;
  const other = await offered(() => fork(env), cannot);
  await other?.close();
  return other !== undefined;
}
