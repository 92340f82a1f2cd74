// What may be concluded from a world, and what not: each conclusion stands on one number and on how much of it is asked.
import { SCORED_TASKS } from "@worldstep/tabletop";
import { PART_NAMES } from "./parts.js";
import { FEW } from "./statistics.js";
import type { Metric, Metrics, Verdict } from "./verdict.js";

interface Question {
  readonly claim: string;
  readonly metric: string;
  readonly better: "higher" | "lower";
  /** What the metric must reach, on the better side with its whole interval. */
  readonly asked: number;
}

/** `no`: the whole interval is on the worse side. `unknown`: so few samples do not tell. */
export interface Conclusion extends Question {
  readonly answer: "yes" | "no" | "unknown";
  readonly found: Metric;
  /** Of the few that say most. */
  readonly headline: boolean;
}

const HEADLINES: readonly Question[] = [
  {
    claim: "It ranks policies, over all tasks, as the simulator ranks them.",
    metric: "rankingPearson",
    better: "higher",
    asked: 0.9,
  },
  {
    claim: "For 5 s the arm goes where the actions say, to within what reaching the button allows.",
    metric: "endEffectorErrorTick25",
    better: "lower",
    asked: 3,
  },
  {
    claim: "What the hand has touched is where it should be, 2 s later, to within half a cube.",
    metric: "objectErrorTick10",
    better: "lower",
    asked: 2.5,
  },
  {
    claim: "It can be played for ten minutes and is still as good as at the start.",
    metric: "driftMinutes",
    better: "higher",
    asked: 10,
  },
  {
    claim: "Its uncertainty tells where it has gone astray (0.5 is chance).",
    metric: "uncertaintyAstrayAuroc",
    better: "higher",
    asked: 0.8,
  },
];

const QUESTIONS: readonly Question[] = [
  ...HEADLINES,
  ...SCORED_TASKS.map(
    (task): Question => ({
      claim: `It ranks policies for ${task} as the simulator ranks them.`,
      metric: `rankingPearson ${task}`,
      better: "higher",
      asked: 0.9,
    }),
  ),
  ...SCORED_TASKS.map(
    (task): Question => ({
      claim: `A policy trained for ${task} in it alone is nearly as good in the simulator as one trained there.`,
      metric: `dreamPolicyOverReal ${task}`,
      better: "higher",
      asked: 0.8,
    }),
  ),
  { claim: "A success that it tells is one.", metric: "successPrecision", better: "higher", asked: 0.9 },
  { claim: "It misses few successes.", metric: "successRecall", better: "higher", asked: 0.9 },
  { claim: "Things don't vanish or double.", metric: "permanenceRate", better: "higher", asked: 0.9 },
  {
    claim: "What the hand hid is where it was, to within half a cube.",
    metric: "recallError",
    better: "lower",
    asked: 2.5,
  },
  {
    claim: "Its uncertainty tells what it never saw: other colours, absurd actions.",
    metric: "uncertaintyAuroc",
    better: "higher",
    asked: 0.9,
  },
];

/** What the metrics of `verdict` answer, in the order in which it is read; of parts that were not asked there is nothing. */
export function conclusionsOf({ sections }: Pick<Verdict, "sections">): Conclusion[] {
  const metrics = Object.assign({}, ...Object.values(sections).map((section) => section.metrics)) as Metrics;
  return QUESTIONS.flatMap((question) => {
    const found = metrics[question.metric];
    if (found === undefined) return [];
    return [{ ...question, found, answer: answerOf(question, found), headline: HEADLINES.includes(question) }];
  });
}

/** The parts that `verdict` leaves out. */
export function leftOut({ sections }: Pick<Verdict, "sections">): string[] {
  return PART_NAMES.filter((name) => !(name in sections));
}

function answerOf({ better, asked }: Question, { value, low, high, n = 0 }: Metric): Conclusion["answer"] {
  // No interval: nothing varied, which many samples may prove and few do not.
  if ((low === undefined || high === undefined) && n < FEW) return "unknown";
  const sign = better === "higher" ? 1 : -1;
  const ends = [low ?? value, high ?? value].map((end) => sign * (end - asked));
  if (Math.min(...ends) >= 0) return "yes";
  return Math.max(...ends) < 0 ? "no" : "unknown";
}
