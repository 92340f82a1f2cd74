// What may be asked of `predict` and `plan`, checked by every env in the same way; what can't look ahead says so with a code.
import { type CallOptions, type Env, type EnvSpec, stateName } from "./env.js";
import { ActionError, WorldError } from "./errors.js";
import { checkKeys, checkStep, isWhole, refusal } from "./options.js";
import {
  PLAN_METHODS,
  PLAN_MODES,
  type PlanMode,
  type Planned,
  type PlanOptions,
  type PlanSearch,
  type Predicted,
} from "./planning.js";
import { checkBlocks } from "./spaces.js";
import { copiedTensor, type FloatTensor } from "./tensor.js";

const KEYS: readonly (keyof PlanOptions)[] = [
  "method",
  "over",
  "horizon",
  "samples",
  "iterations",
  "nfe",
  "task",
  "goal",
  "seed",
  "begin",
];
/** Ticks that one plan may try, over the world their evaluations: what a machine does in ten seconds, or half a minute or so. */
const MOST_TICKS = { state: 2 ** 19, world: 2 ** 13 } as const;
/** Ticks of one iteration, or of one `predict`: their rows are read on the thread of the sockets. */
const MOST_AT_ONCE = 2 ** 15;
/** Of a value of a goal: further off there is nothing. */
const FURTHEST = 1e6;

/** `env.predict(actions)`. Throws `env_cannot_plan` of an env without it. */
export async function predict(env: Env, actions: FloatTensor): Promise<Predicted> {
  if (env.predict) return env.predict(actions);
  throw cannotPlan();
}

/** `env.plan(options, call)`. Throws `env_cannot_plan` of an env without it. */
export async function plan(env: Env, options: PlanOptions = {}, call: CallOptions = {}): Promise<Planned> {
  if (env.plan) return env.plan(options, call);
  throw cannotPlan();
}

export function cannotPlan(): WorldError {
  const remedy = "use a world with a predictor, or try actions in forks";
  return new WorldError("env_cannot_plan", "this env predicts nothing without stepping", remedy);
}

/** Throws `ActionError` (`action_shape` and the others) unless `actions` is `[N, T, stride, A]`, of at most 2^15 ticks. */
export function checkPredict(spec: EnvSpec, actions: FloatTensor): void {
  const remedy = "send a sequence of action blocks or several, all of as many ticks";
  checkBlocks(spec.actionSpace, actions, ["N", "T"], "actions", remedy);
  const [N = 0, T = 0] = actions.shape;
  if (N * T <= MOST_AT_ONCE) return;
  const summary = `${N} sequences of ${T} ticks are more than ${MOST_AT_ONCE} ticks`;
  throw new ActionError("action_shape", summary, "predict fewer at a time", { got: actions.shape });
}

/** `options` with what they hold copied: who called may use his own again. They are `checkPlan`'s to refuse. */
export function copiedPlan(options: PlanOptions): PlanOptions {
  checkKeys("plan", options, KEYS);
  const { goal, begin } = options;
  const isMap = typeof goal === "object" && goal !== null;
  return { ...options, ...(isMap && { goal: { ...goal } }), ...(begin && { begin: copiedTensor(begin) }) };
}

/**
 * What `options` ask for, of a session that plays `playing`.
 * Throws `OptionError`: `option_invalid`, `option_unknown`, `option_plan`, `option_nfe`, `option_task`, `option_seed`; and
 * `ActionError` for `begin`.
 */
export function checkPlan(spec: EnvSpec, options: PlanOptions, playing: string): PlanSearch {
  checkKeys("plan", options, KEYS);
  const { method = "cem", over = "state", seed = 0, begin } = options;
  const choice = <T extends string>(name: string, value: T, of: readonly T[]) => {
    if (!of.includes(value)) throw refusal("option_plan", name, value, `one of ${of.join(", ")}`);
  };
  choice("method", method, PLAN_METHODS);
  choice("over", over, PLAN_MODES);
  if (begin !== undefined) {
    const remedy = "send the action blocks of a plan, one for each tick of the horizon";
    checkBlocks(spec.actionSpace, begin, ["horizon"], "begin", remedy);
  }
  const {
    horizon = begin?.shape[0] ?? 8,
    samples = over === "state" ? 128 : 32,
    iterations = over === "state" ? 24 : 6,
  } = options;
  const within = (name: string, value: number, least: number, most: number) => {
    if (isWhole(value) && value >= least && value <= most) return;
    throw refusal("option_plan", name, value, `a whole number from ${least} to ${most}`);
  };
  within("horizon", horizon, 1, 64);
  within("samples", samples, 2, 4096);
  within("iterations", iterations, 1, 64);
  if (!isWhole(seed)) throw refusal("option_seed", "seed", seed, "a whole number in [0, 2^53), or none");
  const nfe = nfeOf(spec, options, over);
  const ticks = horizon * samples * iterations * nfe;
  const most = MOST_TICKS[over];
  if (ticks > most) {
    const product = `horizon x samples x iterations${nfe > 1 ? " x nfe" : ""}`;
    throw refusal("option_plan", product, ticks, `at most ${most} over the ${over}`);
  }
  if (horizon * samples > MOST_AT_ONCE) {
    throw refusal("option_plan", "horizon x samples", horizon * samples, `at most ${MOST_AT_ONCE}`);
  }
  if (begin && begin.shape[0] !== horizon) {
    throw refusal("option_plan", "begin", `of ${begin.shape[0]} ticks`, `${horizon} ticks`);
  }
  return {
    method,
    over,
    horizon,
    samples,
    iterations,
    seed,
    nfe,
    objective: objectiveOf(spec, options, playing),
    ...(begin && { begin }),
  };
}

function nfeOf(spec: EnvSpec, { nfe }: PlanOptions, over: PlanMode): number {
  if (over === "world") return checkStep(spec, nfe === undefined ? {} : { nfe }) ?? 1;
  if (nfe !== undefined)
    throw refusal("option_nfe", "nfe", nfe, 'over: "world" with it: in the state nothing is sampled');
  return 1;
}

function objectiveOf(spec: EnvSpec, { task, goal }: PlanOptions, playing: string): PlanSearch["objective"] {
  if (goal === undefined) {
    const played = task === undefined ? playing : task;
    const place = spec.tasks.indexOf(played) - 1;
    if (place >= 0) return { task: place };
    const rewarded = spec.tasks.slice(1);
    const expected =
      rewarded.length > 0 ? `one of ${rewarded.join(", ")}, or a goal` : "a goal: this world has no rewards";
    throw refusal("option_task", "task", played, expected, { tasks: rewarded });
  }
  if (task !== undefined) throw refusal("option_task", "task", task, "a task or a goal, not both");
  const names = spec.state.map(stateName);
  if (typeof goal !== "object" || goal === null) {
    throw refusal("option_plan", "goal", goal, `values of ${names.join(", ")}`);
  }
  const found = Object.entries(goal).map(([name, value]): [number, number] => {
    const place = names.indexOf(name);
    if (place < 0) throw refusal("option_plan", "a name in goal", name, `names of ${names.join(", ")}`);
    if (!(Number.isFinite(value) && Math.abs(value) <= FURTHEST))
      throw refusal("option_plan", `goal ${name}`, value, `within ${FURTHEST} of 0`);
    return [place, value];
  });
  if (found.length === 0) throw refusal("option_plan", "goal", "empty", `values of ${names.join(", ")}`);
  return { goal: new Map(found) };
}
