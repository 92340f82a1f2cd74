import type { Part } from "../domain.js";
import { AREA, CORRELATION } from "../part.js";
import { auc, bootstrap, mean, pearson, type Scored, share, type Tally } from "../statistics.js";
import type { OpenLoop } from "../studies/open-loop.js";
import type { Metric, Metrics } from "../verdict.js";

/** Does the world know when a task is done? */
export function rewardPart(tasks: readonly string[]): Part<{ openLoop: readonly OpenLoop[] }> {
  const every = [...tasks.keys()];
  return {
    studies: ["openLoop"],
    section: ({ openLoop }, { seed }) => ({
      title: "Reward",
      text:
        "What the world's heads say in the open-loop dreams, against what the simulator said under the same actions. An episode " +
        "counts as a success of a task when it is one at some tick; all tasks are judged in every episode, whatever the script " +
        "was after. rewardAuc: area under the ROC curve of the success probability by tick, the mean over tasks. " +
        "rewardCorrelation: Pearson's of the rewards by tick, the mean over tasks.",
      metrics: {
        successPrecision: share(openLoop.map((episode) => right(episode, every, "said"))),
        successRecall: share(openLoop.map((episode) => right(episode, every, "was"))),
        ...byTask(tasks, openLoop),
        rewardAuc: bootstrap(openLoop, "area", seed, (drawn) => meanArea(tasks, drawn), { within: AREA }),
        rewardCorrelation: bootstrap(openLoop, "r", seed, (drawn) => meanCorrelation(tasks, drawn), {
          within: CORRELATION,
        }),
      },
      reference: {},
      plots: [],
      pictures: [],
    }),
  };
}

function byTask(names: readonly string[], samples: readonly OpenLoop[]): Metrics {
  const of = (k: number, among: "said" | "was"): Metric => share(samples.map((episode) => right(episode, [k], among)));
  return Object.fromEntries(
    names.flatMap((task, k) => [
      [`successPrecision ${task}`, of(k, "said")],
      [`successRecall ${task}`, of(k, "was")],
    ]),
  );
}

/** Of `tasks` in an episode: how many of those whose success was said, or of those that were one, were both. */
function right({ success, successReal }: OpenLoop, tasks: readonly number[], among: "said" | "was"): Tally {
  const said = (k: number) => (success[k] ?? []).some((p) => p > 0.5);
  const was = (k: number) => (successReal[k] ?? []).some(Boolean);
  const chances = tasks.filter(among === "said" ? said : was);
  return { held: chances.filter((k) => said(k) && was(k)).length, of: chances.length };
}

function meanArea(names: readonly string[], samples: readonly OpenLoop[]): number {
  const areas = names.map((_, k) => auc(samples.flatMap((s) => scored(s, k))));
  return mean(areas.filter((area) => !Number.isNaN(area)));
}

function meanCorrelation(names: readonly string[], samples: readonly OpenLoop[]): number {
  return mean(
    names.map((_, k) =>
      pearson(
        samples.flatMap((s) => s.rewards[k] ?? []),
        samples.flatMap((s) => s.rewardsReal[k] ?? []),
      ),
    ),
  );
}

function scored({ success, successReal }: OpenLoop, k: number): Scored[] {
  return (success[k] ?? []).map((score, t) => ({ score, positive: successReal[k]?.[t] === true }));
}
