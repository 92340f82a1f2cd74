// What the world predicts of an episode in the state alone, beside what it says as it is stepped through it: `Env.predict`.
import { begin, beginning, blocksOf, distance, mean, type Study, scaled } from "@worldstep/judge/kit";
import { elementCount, floatTensor, predict, stateName, stepChunk } from "@worldstep/protocols";
import { heldOutSeed } from "@worldstep/sdk";
import type { Episode } from "../../simulator/episode.js";
import { STRIDE } from "../../simulator/kinematics.js";
import { CUBES } from "../../simulator/scene-xml.js";
import type { TabletopBench } from "../bench.js";

const CM = 100;

/** By tick, from 1 on: how far tip and cubes are from where the world says they are, cm, on average over the four. */
export interface LookingAhead {
  readonly predicted: readonly number[];
  readonly stepped: readonly number[];
}

/** No experiment where the world predicts nothing. */
export const lookingAhead: Study<LookingAhead, TabletopBench> = {
  count: async ({ settings, subject }) => (subject.spec.predicts ? (settings.rollouts ?? scaled(64, settings)) : 0),
  ticks: ({ domain }) => 2 * domain.ticks,
  run: async (bench, i) => {
    const { domain, env, settings } = bench;
    const seed = heldOutSeed(settings.seed, i);
    const episode = await domain.record(bench.filmed, seed);
    await begin(env, { seed, maxTicks: 0, observation: beginning(bench, episode) });
    const blocks = blocksOf(env.spec, episode.actions);
    const shape = [1, blocks.length, ...env.spec.actionSpace.shape];
    const { states } = await predict(env, floatTensor(episode.actions.slice(0, elementCount(shape)), shape));
    const names = env.spec.state.map(stateName);
    const at = (value: (name: string) => number, t: number) => off(value, episode, t);
    const stepped: number[] = [];
    for (const [t, block] of blocks.entries()) {
      const [step] = await stepChunk(env, [block], { observe: ["state"] });
      const told = {
        ...named(env.spec.proprioception, step?.observation.proprioception.data ?? []),
        ...stateOf(step?.info),
      };
      stepped.push(at((name) => told[name] as number, t + 1));
    }
    const predicted = blocks.map((_, t) =>
      at((name) => states.data[t * names.length + names.indexOf(name)] as number, t + 1),
    );
    return { predicted, stepped };
  },
};

function off(value: (name: string) => number, { proprioception, objects }: Episode, tick: number): number {
  const axes = ["x", "y", "z"];
  const tip = axes.map((axis) => value(`${axis} (m)`));
  const from = 5 * STRIDE * tick;
  const cubes = CUBES.map((cube, c) => {
    const start = 7 * (CUBES.length * STRIDE * tick + c);
    return distance(
      axes.map((axis) => value(`${cube} ${axis} (m)`)),
      objects.subarray(start, start + 3),
    );
  });
  return mean([distance(tip, proprioception.subarray(from, from + 3)), ...cubes]) * CM;
}

function named(names: readonly string[], values: ArrayLike<number>): Record<string, number> {
  return Object.fromEntries(names.map((name, i) => [name, values[i] as number]));
}

function stateOf(info: { readonly environmentState?: unknown } | undefined): Record<string, number> {
  return (info?.environmentState ?? {}) as Record<string, number>;
}
