import type { Part } from "../domain.js";
import { CORRELATION, point } from "../part.js";
import { bootstrap, mean, mmrv, pearson, share, spearman } from "../statistics.js";
import type { Trial } from "../studies/ranking.js";
import type { Metric, Metrics, Plot, Point } from "../verdict.js";

/** One start, played by every policy in its tasks. */
type Round = readonly Trial[];
type Score = (dreamed: readonly number[], real: readonly number[]) => number;

const SCORES: Readonly<
  Record<string, { readonly score: Score; readonly unit: string; readonly within: readonly [number, number] }>
> = {
  rankingPearson: { score: pearson, unit: "r", within: CORRELATION },
  rankingSpearman: { score: spearman, unit: "rho", within: CORRELATION },
  rankingMmrv: { score: mmrv, unit: "share", within: [0, 1] },
};

/** What the policies are ranked by, where it is not whether they succeed. */
export interface Graded {
  /** As an axis says it, between 0 and 1. */
  readonly what: string;
  /** How it is found in the dream, and what policies see, in a sentence or two. */
  readonly text: string;
}

const SUCCESS: Graded = {
  what: "success",
  text: "The policies see only frames and proprioception. Success in the dream is what the world's head says, and ends the episode.",
};

/** Would the dream rank policies as reality does? */
export function rankingPart(
  tasks: readonly string[],
  { what, text }: Graded = SUCCESS,
): Part<{ ranking: readonly Trial[] }> {
  return {
    studies: ["ranking"],
    section: ({ ranking }, { seed }) => {
      const rounds = roundsOf(ranking);
      const isContested = (task: string) => ratesOf(only(rounds, task)).length > 1;
      const policies = new Set(ranking.map(({ policy }) => policy)).size;
      return {
        title: "Policy ranking",
        text:
          `${policies} policies, from expert to random, play the same ${rounds.length} starts of each task in the dream and in ` +
          `the simulator. ${text} Over policies of a task, and over all policies and tasks together: Pearson's and Spearman's ` +
          `correlation of the mean ${what}, and MMRV, the mean maximum rank violation (definitions: SIMPLER, Li et al. 2024). ` +
          "The policies are fixed; the intervals redraw the starts.",
        metrics: {
          ...scoresOf(rounds, seed, ""),
          // Of the only task it would be the same again.
          ...Object.assign(
            {},
            ...(tasks.length > 1 ? tasks : [])
              .filter(isContested)
              .map((task) => scoresOf(only(rounds, task), seed, ` ${task}`)),
          ),
        },
        reference: {},
        plots: [scatter(tasks, rounds, what, seed)],
        pictures: [],
      };
    },
  };
}

/** Trials by start. `ranking` gives every policy its turn at one before the next, so each has as many turns as it has starts. */
function roundsOf(trials: readonly Trial[]): Round[] {
  const rounds: Trial[][] = [];
  const turns = new Map<string, number>();
  for (const trial of trials) {
    const turn = turns.get(nameOf(trial)) ?? 0;
    turns.set(nameOf(trial), turn + 1);
    rounds[turn] ??= [];
    rounds[turn]?.push(trial);
  }
  return rounds;
}

function scoresOf(rounds: readonly Round[], seed: number, suffix: string): Metrics {
  const metric = ({ score, unit, within }: (typeof SCORES)[string]): Metric => {
    const of = (drawn: readonly Round[]) => {
      const rates = ratesOf(drawn);
      return score(
        rates.map(({ dreamed }) => dreamed),
        rates.map(({ real }) => real),
      );
    };
    return bootstrap(rounds, unit, seed, of, { within, pushed: true });
  };
  return Object.fromEntries(Object.entries(SCORES).map(([name, score]) => [name + suffix, metric(score)]));
}

function only(rounds: readonly Round[], task: string): Round[] {
  return rounds.map((round) => round.filter((trial) => trial.task === task));
}

/** Success of each policy in each of its tasks. */
function ratesOf(rounds: readonly Round[]): { trial: Trial; dreamed: number; real: number }[] {
  const groups = new Map<string, Trial[]>();
  for (const trial of rounds.flat()) {
    const group = groups.get(nameOf(trial));
    if (group) group.push(trial);
    else groups.set(nameOf(trial), [trial]);
  }
  return [...groups.values()].map((group) => ({
    trial: group[0] as Trial,
    dreamed: mean(group.map(({ success }) => Number(success.dreamed))),
    real: mean(group.map(({ success }) => Number(success.real))),
  }));
}

function nameOf({ task, policy }: Trial): string {
  return `${task} ${policy}`;
}

function scatter(tasks: readonly string[], rounds: readonly Round[], what: string, seed: number): Plot {
  const series = tasks.map((task) => ({
    name: task,
    points: ratesOf(only(rounds, task)).map(({ trial, real }): Point => {
      const own = rounds.flat().filter((other) => nameOf(other) === nameOf(trial));
      const scores = own.map(({ success }) => success.dreamed);
      const dreamed = scores.every((score) => typeof score === "boolean")
        ? share(scores.map((score) => ({ held: Number(score), of: 1 })))
        : bootstrap(scores.map(Number), "share", seed, mean, { within: [0, 1] });
      return point(real, dreamed, trial.policy);
    }),
  }));
  return {
    title: `${what[0]?.toUpperCase()}${what.slice(1)} of policies`,
    x: `${what} in the simulator`,
    y: `${what} in the dream`,
    kind: "points",
    diagonal: true,
    series: series.filter(({ points }) => points.length > 0),
  };
}
