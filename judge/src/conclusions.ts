// What may be concluded from a world, and what not: each conclusion stands on one number and on how much of it is asked.
import type { Domain, Question } from "./domain.js";
import { FEW } from "./statistics.js";
import type { Metric, Metrics, Verdict } from "./verdict.js";

/** `no`: the whole interval is on the worse side. `unknown`: so few samples do not tell. */
export interface Conclusion extends Question {
  readonly answer: "yes" | "no" | "unknown";
  readonly found: Metric;
}

/** What is asked of a world: its domain says. */
export type Asked = Pick<Domain, "questions" | "parts">;

/** What the metrics of `verdict` answer, in the order in which it is read; of parts that were not asked there is nothing. */
export function conclusionsOf({ sections }: Pick<Verdict, "sections">, { questions }: Asked): Conclusion[] {
  const metrics = Object.assign({}, ...Object.values(sections).map((section) => section.metrics)) as Metrics;
  return questions.flatMap((question) => {
    const found = metrics[question.metric];
    if (found === undefined) return [];
    return [{ ...question, found, answer: answerOf(question, found) }];
  });
}

/** The parts that `verdict` leaves out. */
export function leftOut({ sections }: Pick<Verdict, "sections">, { parts }: Asked): string[] {
  return Object.keys(parts).filter((name) => !(name in sections));
}

function answerOf({ better, asked }: Question, { value, low, high, n = 0 }: Metric): Conclusion["answer"] {
  // No interval: nothing varied, which many samples may prove and few do not.
  if ((low === undefined || high === undefined) && n < FEW) return "unknown";
  const sign = better === "higher" ? 1 : -1;
  const ends = [low ?? value, high ?? value].map((end) => sign * (end - asked));
  if (Math.min(...ends) >= 0) return "yes";
  return Math.max(...ends) < 0 ? "no" : "unknown";
}
