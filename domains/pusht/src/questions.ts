// What may be concluded from a world of Push-T, and how much of each metric is asked.
import type { Question } from "@worldstep/judge/kit";

export const questions: readonly Question[] = [
  {
    claim: "It ranks policies, by how far they get, as gym-pusht ranks them.",
    metric: "rankingPearson",
    better: "higher",
    asked: 0.9,
    headline: true,
  },
  {
    claim: "After 5 s the T is where it should be, to within 10 of the table's 512 pixels.",
    metric: "cornersTick25",
    better: "lower",
    asked: 10,
    headline: true,
  },
  {
    claim: "Pushes that are chosen in it cover nine tenths of the goal.",
    metric: "plannedCoverage",
    better: "higher",
    asked: 0.9,
    headline: true,
  },
  {
    claim: "Its uncertainty tells where it has gone astray (0.5 is chance).",
    metric: "uncertaintyAstrayAuroc",
    better: "higher",
    asked: 0.8,
    headline: true,
  },
  {
    claim: "For 5 s the disc goes where the actions say, to within a third of its radius.",
    metric: "agentTick25",
    better: "lower",
    asked: 5,
    headline: false,
  },
  {
    claim: "It knows how much of the goal is covered.",
    metric: "rewardCorrelation",
    better: "higher",
    asked: 0.9,
    headline: false,
  },
  {
    claim: "Its uncertainty tells what it never saw: other colours, absurd actions.",
    metric: "uncertaintyAuroc",
    better: "higher",
    asked: 0.9,
    headline: false,
  },
];
