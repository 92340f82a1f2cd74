// Steps that ask for a part of the observation: they show that part, and the env is the same after them.
import { OBSERVED, type Observed, stepChunk } from "@worldstep/protocols";
import type { NamedCheck } from "./check.js";
import { begun, expectSameCourse, goOn } from "./course.js";
import { actionAt, expectEqual, expectRefusal } from "./expect.js";

export const observeChecks: readonly NamedCheck[] = [
  [
    "observe: a step shows what it asks for, in values as if it had asked for all",
    async (context) => {
      const [all, some] = [await begun(context), await begun(context)];
      const frames = new Set(["frames", ...all.spec.cameras.map(({ key }) => key)]);
      const keys = Object.keys(all.spec.observationSpace.spaces);
      for (const [i, observe] of ([["state"], ["frames"], [...OBSERVED]] as Observed[][]).entries()) {
        const action = actionAt(all, i + 1);
        const [whole, [part]] = [await all.step(action), await stepChunk(some, [action], { observe })];
        const wanted = keys.filter((key) => observe.includes(frames.has(key) ? "frames" : "state"));
        const shown = Object.keys(part?.observation ?? {});
        expectEqual(shown.sort(), wanted.sort(), `what a step shows that observes [${observe.join(", ")}]`);
        for (const key of wanted) {
          expectEqual(
            part?.observation[key],
            whole.observation[key],
            `${key} of a step that observes [${observe.join(", ")}]`,
          );
        }
        expectEqual(part?.reward, whole.reward, "reward of a step that observes less");
        if (whole.terminated || whole.truncated) return;
      }
    },
  ],
  [
    "observe: the ticks after it are the same",
    async (context) => {
      const expected = await goOn(await begun(context), context);
      expectSameCourse(
        await goOn(await begun(context, { observe: ["state"] }), context),
        expected,
        "an env that did not show a tick",
      );
    },
  ],
  [
    "observe: what it can't show is refused, and the env stays at its tick",
    async (context) => {
      const env = await begun(context);
      for (const observe of [["sound"], "frames", []] as unknown as Observed[][]) {
        await expectRefusal(
          () => env.step(actionAt(env, 1), { observe }),
          "option_observe",
          `observe ${JSON.stringify(observe)}`,
        );
      }
      expectSameCourse(await goOn(env, context), await goOn(await begun(context), context), "the env after it refused");
    },
  ],
];
