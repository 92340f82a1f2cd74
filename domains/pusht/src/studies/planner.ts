// Pushes that are chosen by looking ahead, played in gym-pusht: one at each contact is tried in forks of one moment, and that
// which brings the T nearest to the goal is played up to the tick at which it is nearest.
import { begin, type Study, scaled } from "@worldstep/judge/kit";
import { type Env, type FloatTensor, OBSERVED, type Observation } from "@worldstep/protocols";
import { heldOutSeed, VectorEnv } from "@worldstep/sdk";
import type { PushTBench } from "../bench.js";
import { Script, seen, targets } from "../policies.js";
import { cornersIn, type Moment, SUCCESS } from "../reality.js";
import { measured } from "./coverage.js";

/** Ticks that a push is looked ahead. */
const HORIZON = 16;
/** Times that an episode is planned, about; and ticks of each, contacts times horizon. */
const PLANS = 25;
const TRIED = 14 * HORIZON;
/** Held-out episodes that are this study's own. */
const FIRST = 700_000;

/** How far an episode in gym-pusht got. */
export interface Outcome {
  /** The most of the goal that the T covered, in [0, 1]. */
  readonly coverage: number;
  /** Whether that is gym-pusht's success. */
  readonly success: boolean;
  /** Whether it came within 20 pixels and 20 degrees of the goal: DINO-WM's success (arXiv 2411.04983). */
  readonly near: boolean;
}

/** The same start, played three times. */
export interface Planning {
  /** By pushes that were tried in the world. */
  readonly dreamed: Outcome;
  /** By pushes that were tried in gym-pusht itself: what a perfect world's would be. */
  readonly real: Outcome;
  /** By the script that recorded the logs, which chooses as if the T slid on ice. */
  readonly rule: Outcome;
}

/** Episodes of at most `ticks` ticks. */
export const planner = (ticks: number): Study<Planning, PushTBench> => ({
  count: async ({ settings }) => scaled(24, settings),
  ticks: () => 2 * PLANS * TRIED + 3 * ticks,
  run: async (bench, i, onTicks) => {
    const { env, reality, settings } = bench;
    const seed = heldOutSeed(settings.seed, FIRST + i);
    const rule = await Script.open({ name: "rule of thumb", kind: "push", skill: 1, jitter: 0 }, reality.spec);
    const pushes = Array.from({ length: reality.python.contacts }, () => reality.python.name());
    try {
      await rule.reset(seed);
      const outcome = (choose: Choice) => played(bench, seed, ticks, choose);
      return {
        dreamed: await outcome(await lookingAhead(bench, env, seed, pushes, onTicks)),
        real: await outcome(await lookingAhead(bench, reality, seed, pushes, onTicks)),
        rule: await outcome(async () => ({ act: (shown) => rule.act(shown), ticks })),
      };
    } finally {
      await reality.python.forget(pushes);
      await rule.close();
    }
  },
});

/** What to do for so many ticks. `act` takes what scripts see. */
interface Push {
  act(shown: Observation): Promise<Float32Array>;
  readonly ticks: number;
}

type Choice = (shown: Observation) => Promise<Push>;

async function played({ reality }: PushTBench, seed: number, ticks: number, choose: Choice): Promise<Outcome> {
  let { observation } = await reality.reset({ seed, maxTicks: 0 });
  const outcome = { coverage: 0, success: false, near: false };
  let push: Push | undefined;
  for (let [tick, left] = [0, 0]; tick < ticks && !outcome.success; tick++, left--) {
    const shown = seen(observation, (reality.trace.at(-1) as Moment).corners);
    if (push === undefined || left === 0) {
      push = await choose(shown);
      left = push.ticks;
    }
    const observe = left === 1 ? OBSERVED : (["state"] as const); // frames are for who chooses
    ({ observation } = await reality.step(await push.act(shown), { observe }));
    const { corners } = reality.trace.at(-1) as Moment;
    const { coverage, near } = await measured(reality.python, [corners]);
    outcome.coverage = Math.max(outcome.coverage, coverage[0] as number);
    outcome.success = outcome.coverage > SUCCESS;
    outcome.near ||= near[0] as boolean;
  }
  return outcome;
}

/** Chooses by what `env` shows of each push: a dream from reality's present frame, or an env that goes along with reality. */
async function lookingAhead(
  { reality }: PushTBench,
  env: Env,
  seed: number,
  pushes: readonly number[],
  onTicks: (ticks: number) => void,
): Promise<Choice> {
  const { python } = reality;
  const isDream = env.spec.acceptsFrames;
  const goesAlong = !isDream && env !== reality;
  if (goesAlong) await env.reset({ seed, maxTicks: 0 });
  return async (shown) => {
    if (isDream) await begin(env, { seed, maxTicks: 0, observation: shown });
    const { agent, corners } = reality.trace.at(-1) as Moment;
    const anew = { policies: pushes, agent, corners };
    const { reachable } = (await python.ask("pushes", anew)).said as { reachable: readonly boolean[] };
    const met = await tried(env, python, pushes, agent, corners);
    onTicks(TRIED);
    const { off } = await measured(python, met.flat());
    const after = off.map((pixels, k) => (reachable[k % pushes.length] ? pixels : Number.POSITIVE_INFINITY));
    const best = after.indexOf(Math.min(...after));
    await python.ask("pushes", anew); // those that were tried are worn
    const push = pushes[best % pushes.length] as number;
    return {
      act: async ({ proprioception, corners: there }) => {
        const at = [...(there as FloatTensor).data];
        const [block] = await targets(python, reality.spec, [push], [[...proprioception.data]], [at]);
        if (goesAlong) await env.step(block as Float32Array, { observe: ["state"] });
        return block as Float32Array;
      },
      ticks: 1 + Math.floor(best / pushes.length),
    };
  };
}

/** Where each push has the corners in forks of `env`, by tick: `[HORIZON][n][16]`. */
async function tried(
  env: Env,
  python: PushTBench["reality"]["python"],
  pushes: readonly number[],
  agent: readonly number[],
  start: readonly number[],
): Promise<(readonly number[])[][]> {
  const forks = await VectorEnv.fork(env, pushes.length, { autoreset: "Disabled", observe: ["state"] });
  try {
    let agents = pushes.map(() => agent);
    let corners = pushes.map(() => start);
    const met: (readonly number[])[][] = [];
    for (let tick = 0; tick < HORIZON; tick++) {
      const { observations, infos } = await forks.step(await targets(python, env.spec, pushes, agents, corners));
      const { data } = observations.proprioception;
      agents = pushes.map((_, k) => [...data.subarray(2 * k, 2 * k + 2)]);
      corners = infos.map(cornersIn);
      met.push(corners);
    }
    return met;
  } finally {
    await forks.close();
  }
}
