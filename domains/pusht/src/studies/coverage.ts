// How far a policy gets in an episode: the most of the goal that the T covers at the end of a tick.
import { type Env, OBSERVED, type Observation } from "@worldstep/protocols";
import type { Policy } from "@worldstep/sdk";
import type { PushTBench } from "../bench.js";
import { Script, seen } from "../policies.js";
import type { Python } from "../python.js";
import { cornersIn, type Moment } from "../reality.js";

/** In `env`, which has begun where `reality` still is: scripts look at the corners, of which dreams tell from the first tick on. */
export async function bestCoverage(
  { reality }: Pick<PushTBench, "reality">,
  env: Env,
  start: Observation,
  policy: Policy,
  ticks: number,
): Promise<number> {
  const observe = policy instanceof Script ? (["state"] as const) : OBSERVED;
  const { python } = reality;
  let observation = start;
  let { corners } = reality.trace.at(-1) as Moment;
  const met: (readonly number[])[] = [];
  for (let tick = 0; tick < ticks; tick++) {
    const step = await env.step(await policy.act(seen(observation, corners)), { observe });
    observation = step.observation;
    corners = cornersIn(step.info);
    met.push(corners);
  }
  return Math.max(0, ...(await measured(python, met)).coverage);
}

/** What gym-pusht would make of corners `[n][16]`, pixels of 512. */
export interface Standing {
  /** Share of the goal that the T covers. */
  readonly coverage: readonly number[];
  /** How far it is from the goal, pixels, a turn counted as pusher.py does. */
  readonly off: readonly number[];
  /** Whether it is within 20 pixels and 20 degrees of the goal. */
  readonly near: readonly boolean[];
}

export async function measured(python: Python, corners: readonly (readonly number[])[]): Promise<Standing> {
  return (await python.ask("measure", { corners })).said as unknown as Standing;
}
