// What may be concluded from a world of the tabletop, and how much of each metric is asked.
import type { Question } from "@worldstep/judge/kit";
import { SCORED_TASKS } from "../simulator/tasks.js";

type Asked = Omit<Question, "headline">;

const HEADLINES: readonly Asked[] = [
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

const OTHERS: readonly Asked[] = [
  ...SCORED_TASKS.map(
    (task): Asked => ({
      claim: `It ranks policies for ${task} as the simulator ranks them.`,
      metric: `rankingPearson ${task}`,
      better: "higher",
      asked: 0.9,
    }),
  ),
  ...SCORED_TASKS.map(
    (task): Asked => ({
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

export const questions: readonly Question[] = [
  ...HEADLINES.map((question) => ({ ...question, headline: true })),
  ...OTHERS.map((question) => ({ ...question, headline: false })),
];
