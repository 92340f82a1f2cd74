// Surprise: does a world that says how sure it is say so when it is shown what it can't know?
import { byteTensor, type Observation } from "@worldstep/protocols";
import { heldOutSeed, Random } from "@worldstep/sdk";
import { scaled } from "../bench.js";
import type { Bench, Study } from "../domain.js";
import { dream, uncertainties } from "../dream.js";

const TICKS = 10;
/** Held-out episodes that are this study's own. */
const FIRST = 800_000;

/** What the world says of each tick, in [0, 1]; absent where it says nothing. */
export interface Surprise {
  /** Of a dream of a held-out episode under its actions. */
  readonly ordinary?: readonly number[];
  /** The same from its first frame with red, green and blue in other places. */
  readonly colours?: readonly number[];
  /** The same under actions that are as high or as low as can be at every control step, at random. */
  readonly actions?: readonly number[];
}

export const surprise: Study<Surprise> = {
  count: async ({ settings }) => scaled(32, settings),
  ticks: ({ domain }) => domain.ticks + 3 * TICKS,
  run: async (bench, i) => {
    const seed = heldOutSeed(bench.settings.seed, FIRST + i);
    const episode = await bench.domain.record(bench.reality, seed);
    const { observation } = await bench.reality.reset({ seed, maxTicks: 0 });
    const { low, high } = bench.subject.spec.actionSpace;
    const random = new Random(seed, "absurd actions");
    const absurd = episode.actions.map(() => (random.uniform(0, 1) < 0.5 ? low : high));
    const { frames } = observation;
    const turned = byteTensor(
      frames.data.map((_, at) => frames.data[at - (at % 3) + ((at + 1) % 3)] as number),
      frames.shape,
    );
    const ordinary = await told(bench, seed, observation, episode.actions);
    if (ordinary === undefined) return {};
    const colours = await told(bench, seed, { ...observation, frames: turned }, episode.actions);
    const actions = await told(bench, seed, observation, absurd);
    return { ordinary, ...(colours && { colours }), ...(actions && { actions }) };
  },
};

async function told(bench: Bench, seed: number, observation: Observation, actions: Float32Array) {
  return uncertainties(await dream(bench, seed, observation, actions, TICKS));
}
