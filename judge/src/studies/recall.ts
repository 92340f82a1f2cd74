// Recall: something is hidden from the camera for a while, then shown again. Is the scene as it was?
import type { Env, Observation } from "@worldstep/protocols";
import { heldOutSeed } from "@worldstep/sdk";
import { scaled } from "../bench.js";
import { type Beside, beside } from "../beside.js";
import type { Bench, Study } from "../domain.js";
import { mean } from "../statistics.js";
import { begin } from "../subject.js";
import { WindowAlone } from "../window-alone.js";

/** Seconds for which a thing is hidden. */
export const HIDDEN_SECONDS = [2, 5, 10] as const;
/** Held-out episodes that are this study's own. */
const FIRST = 500_000;

/** One scene. */
export interface Recalled {
  readonly seconds: number;
  /** Share of the time in which the thing was nowhere to be seen. */
  readonly hidden: number;
  /** Where the probe sees each thing afterwards, against before: cm, the hidden one first. */
  readonly errors: readonly number[];
}

/** One scene, and where the world has a window, what is left of it in that alone. */
export interface RecalledBeside extends Beside<Recalled> {
  readonly windowAlone?: Recalled;
}

export interface Hiding<B extends Bench> {
  /** How many things there are to hide. */
  readonly things: number;
  /** Ticks that hiding takes, about, besides those in which the thing is hidden. */
  readonly ticks: number;
  /** Hides `thing`, a number below `things`, for `seconds` in `env`, which has begun with `start`. */
  hide(bench: B, env: Env, start: Observation, thing: number, seconds: number): Promise<Recalled>;
}

/** About how long a thing is hidden, ticks. */
const HIDDEN_TICKS = 30;
/** A scene is played in reality, in the dream, and in one that begins anew at each tick. */
const PLAYS = 10;

export function recall<B extends Bench>({ things, ticks, hide }: Hiding<B>): Study<RecalledBeside, B> {
  return {
    count: async ({ settings }) => scaled(36, settings),
    ticks: () => PLAYS * (ticks + HIDDEN_TICKS),
    run: async (bench, i) => {
      const seed = heldOutSeed(bench.settings.seed, FIRST + i);
      const seconds = HIDDEN_SECONDS[i % HIDDEN_SECONDS.length] as number;
      const thing = Math.floor(i / HIDDEN_SECONDS.length) % things;
      const play = (env: Env, observation: Observation) => hide(bench, env, observation, thing, seconds);
      const both = await beside(bench, seed, undefined, 0, play);
      const { window } = bench.subject;
      if (window === undefined) return both;
      const alone = new WindowAlone(bench.env, window);
      const { observation } = await bench.reality.reset({ seed });
      const start = await begin(alone, { seed, maxTicks: 0, observation });
      return { ...both, windowAlone: await play(alone, start.observation) };
    },
  };
}

/** Mean error of the things that were never hidden, cm. */
export function visibleError({ errors: [, ...visible] }: Recalled): number {
  return mean(visible);
}

/** Error of the thing that was hidden, cm. */
export function hiddenError({ errors: [hidden = Number.NaN] }: Recalled): number {
  return hidden;
}
