import { SCORED_TASKS } from "@worldstep/simulator";
import type { Part } from "../part.js";
import { auc, bootstrap, type Counts, mean, pearson, precision, recall, type Scored } from "../statistics.js";
import type { OpenLoop } from "../studies/open-loop.js";
import type { Metrics } from "../verdict.js";

/** Does the world know when a task is done? */
export const reward: Part = {
  studies: ["openLoop"],
  section: ({ openLoop }, seed) => ({
    title: "Reward",
    text:
      "What the world's heads say in the open-loop dreams, against what the simulator said under the same actions. An episode " +
      "counts as a success of a task when it is one at some tick; all tasks are judged in every episode, whatever the script " +
      "was after. rewardAuc: area under the ROC curve of the success probability by tick, the mean over tasks. " +
      "rewardCorrelation: Pearson's of the rewards by tick, the mean over tasks.",
    metrics: {
      successPrecision: bootstrap(openLoop, "share", seed, (drawn) => precision(counts(drawn, SCORED_TASKS.keys()))),
      successRecall: bootstrap(openLoop, "share", seed, (drawn) => recall(counts(drawn, SCORED_TASKS.keys()))),
      ...byTask(openLoop, seed),
      rewardAuc: bootstrap(openLoop, "area", seed, (drawn) => {
        const areas = SCORED_TASKS.map((_, k) => auc(drawn.flatMap((s) => scored(s, k))));
        return mean(areas.filter((area) => !Number.isNaN(area)));
      }),
      rewardCorrelation: bootstrap(openLoop, "r", seed, (drawn) =>
        mean(
          SCORED_TASKS.map((_, k) =>
            pearson(
              drawn.flatMap((s) => s.rewards[k] ?? []),
              drawn.flatMap((s) => s.rewardsReal[k] ?? []),
            ),
          ),
        ),
      ),
    },
    reference: {},
    plots: [],
    pictures: [],
  }),
};

function byTask(samples: readonly OpenLoop[], seed: number): Metrics {
  const of = (k: number, what: (counts: Counts) => number) =>
    bootstrap(samples, "share", seed, (drawn) => what(counts(drawn, [k])));
  return Object.fromEntries(
    SCORED_TASKS.flatMap((task, k) => [
      [`successPrecision ${task}`, of(k, precision)],
      [`successRecall ${task}`, of(k, recall)],
    ]),
  );
}

/** Of episodes and tasks `ks`. */
function counts(samples: readonly OpenLoop[], ks: Iterable<number>): Counts {
  let [hits, misses, falseAlarms] = [0, 0, 0];
  const tasks = [...ks];
  for (const { success, successReal } of samples) {
    for (const k of tasks) {
      const said = (success[k] ?? []).some((p) => p > 0.5);
      const was = (successReal[k] ?? []).some(Boolean);
      if (said && was) hits++;
      else if (was) misses++;
      else if (said) falseAlarms++;
    }
  }
  return { hits, misses, falseAlarms };
}

function scored({ success, successReal }: OpenLoop, k: number): Scored[] {
  return (success[k] ?? []).map((score, t) => ({ score, positive: successReal[k]?.[t] === true }));
}
