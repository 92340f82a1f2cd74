// Predictions and plans, of envs that have them: they have the shapes that they promise, are the same again, and move nothing.
import {
  type Env,
  elementCount,
  type FloatTensor,
  floatTensor,
  plan,
  predict,
  type StateChannel,
  stateName,
} from "@worldstep/protocols";
import type { NamedCheck } from "./check.js";
import { begun, expectSameCourse, goOn } from "./course.js";
import { actionAt, expect, expectEqual, expectRefusal, NOTHINGS } from "./expect.js";

const [SEQUENCES, TICKS] = [3, 2];

export const planChecks: readonly NamedCheck[] = [
  [
    "predict: states, rewards and successes of every tick, each sequence as if alone; the env does not notice",
    async (context) => {
      const env = await begun(context);
      const { state, tasks, predicts } = env.spec;
      if (!predicts) return expectRefusal(() => predict(env, sequences(env, 1)), "env_cannot_plan", "predict()");
      const { states, rewards, successes } = await predict(env, sequences(env, SEQUENCES));
      expectEqual(states.shape, [SEQUENCES, TICKS, state.length], "shape of states");
      expectEqual(rewards.shape, [SEQUENCES, TICKS, tasks.length - 1], "shape of rewards");
      expectEqual(successes.shape, rewards.shape, "shape of successes");
      expect(
        [states, rewards, successes].every(({ data }) => data.every(Number.isFinite)),
        "predictions are not finite",
      );
      expect(
        successes.data.every((p) => p >= 0 && p <= 1),
        "a success is no probability",
      );
      const first = await predict(env, sequences(env, 1));
      expectEqual(first.states.data, states.data.slice(0, first.states.data.length), "states of a sequence alone");
      const bad = floatTensor(new Float32Array(4), [4]);
      await expectRefusal(() => predict(env, bad), "action_shape", "predict() of four numbers");
      for (const [name, value] of NOTHINGS) {
        await expectRefusal(() => predict(env, value as never), "action_shape", `predict() of what is ${name}`);
      }
      expectSameCourse(await goOn(env, context), await goOn(await begun(context), context), "the env after predict()");
    },
  ],
  [
    "plan: actions of the action space, the same again; the env does not notice",
    async (context) => {
      const env = await begun(context);
      const { tasks, predicts, actionSpace } = env.spec;
      if (!predicts) return expectRefusal(() => plan(env), "env_cannot_plan", "plan()");
      const task = tasks[1];
      if (task === undefined) return;
      for (const method of ["cem", "mppi"] as const) {
        const options = { method, task, horizon: TICKS, samples: 8, iterations: 2 };
        const reactive = new Proxy(options, {}); // as frameworks of pages have them
        const [{ actions, plannedReturn }, again] = [await plan(env, options), await plan(env, reactive)];
        expectEqual(actions.shape, [TICKS, ...actionSpace.shape], "shape of a plan");
        expect(
          actions.data.every((x) => x >= actionSpace.low && x <= actionSpace.high),
          "a plan leaves the action space",
        );
        expectEqual([again.actions.data, again.plannedReturn], [actions.data, plannedReturn], "a plan made again");
        const begun = await plan(env, { ...options, begin: actions });
        expect(begun.plannedReturn >= plannedReturn - 1e-4, "a search that begins with a plan ends with a worse one");
      }
      const stopped = AbortSignal.abort();
      await expectRefusal(
        () => plan(env, { task }, { signal: stopped }),
        "request_cancelled",
        "a plan that is stopped",
      );
      for (const over of ["state", "world"] as const) {
        const stop = new AbortController();
        const size = over === "state" ? { horizon: 64, samples: 512, iterations: 16 } : { samples: 128, iterations: 8 };
        const long = plan(env, { task, over, ...size }, { signal: stop.signal });
        setTimeout(() => stop.abort(), 20);
        await expectRefusal(() => long, "request_cancelled", `a plan over the ${over} that is being stopped`);
      }
      const leaving = await begun(context);
      const left = plan(leaving, { task, over: "world", samples: 128, iterations: 8 });
      const closed = leaving.close();
      await expectRefusal(() => left, "env_closed", "a plan of an env that is being closed");
      await closed;
      await expectRefusal(() => plan(env, { horizon: 0 }), "option_plan", "a plan of no ticks");
      await expectRefusal(() => plan(env, { task: "no such task" }), "option_task", "a plan for no task");
      for (const [name, value] of NOTHINGS.slice(1)) {
        await expectRefusal(() => plan(env, value as never), "option_invalid", `plan options that are ${name}`);
        await expectRefusal(() => plan(env, {}, value as never), "option_invalid", `call options that are ${name}`);
        await expectRefusal(
          () => plan(env, {}, { signal: value as never }),
          "option_invalid",
          `a signal that is ${name}`,
        );
        for (const option of OPTIONS) {
          const code = option === "begin" ? "action_shape" : "option_";
          await expectRefusal(() => plan(env, { [option]: value }), code, `a plan with ${option} that is ${name}`);
        }
        await expectRefusal(
          () => plan(env, { goal: { [stateOf(env)]: value as never } }),
          "option_plan",
          `goal ${name}`,
        );
      }
      expectSameCourse(await goOn(env, context), await goOn(await begun(context), context), "the env after plan()");
    },
  ],
];

const OPTIONS = ["method", "over", "horizon", "samples", "iterations", "nfe", "task", "goal", "seed", "begin"] as const;

function stateOf({ spec }: Env): string {
  return stateName(spec.state[0] as StateChannel);
}

function sequences(env: Env, count: number): FloatTensor {
  const shape = [count, TICKS, ...env.spec.actionSpace.shape];
  const size = elementCount(env.spec.actionSpace.shape);
  const data = new Float32Array(count * TICKS * size);
  for (let i = 0; i < count * TICKS; i++) data.set(actionAt(env, i), i * size);
  return floatTensor(data, shape);
}
