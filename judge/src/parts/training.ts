import type { Part } from "../domain.js";
import { POSITIVE, point } from "../part.js";
import { bootstrap, mean, share, sum } from "../statistics.js";
import type { Trained } from "../studies/training.js";
import type { Metrics, Plot } from "../verdict.js";

/** What came of the two policies of one training on one start. */
interface Trial {
  readonly dreamed: number;
  readonly real: number;
}

/** What was trained, and where. */
export interface Lessons {
  readonly tasks: readonly string[];
  /** What the policy is, in a few words. */
  readonly policy: string;
  /** The name of reality. */
  readonly simulator: string;
}

/** Is a policy that was trained in the dream as good in reality as one that was trained there? */
export function trainingPart({ tasks, policy, simulator }: Lessons): Part<{ training: readonly Trained[] }> {
  return {
    studies: ["training"],
    section: ({ training }, { seed }) => {
      const of = (task: string) => training.filter((run) => run.task === task);
      const present = tasks.filter((task) => of(task).length > 0);
      return {
        title: "Policy training",
        text:
          "Evolution strategies (Salimans et al. 2017) find the weights of a small policy, " +
          `${policy}, once in the dream alone, from its own starts, and once in the ` +
          "simulator, with the same number of env steps, the same settings and the same random numbers. The mean of each one's late " +
          "weights is then tried in the simulator on the same held-out starts. dreamPolicyOverReal: the success of the one over that of the other; " +
          "intervals redraw starts, not trainings.",
        metrics: Object.assign({}, ...present.map((task) => metricsOf(task, of(task), seed))),
        reference: {},
        plots: present.map((task) => curveOf(task, simulator, of(task))),
        pictures: [],
      };
    },
  };
}

function metricsOf(task: string, runs: readonly Trained[], seed: number): Metrics {
  // A start that all trainings were tried on is one sample.
  const starts = (runs[0]?.trials.real ?? []).map((_, i) =>
    runs.map(({ trials: { dreamed, real } }): Trial => ({ dreamed: Number(dreamed[i]), real: Number(real[i]) })),
  );
  const success = (side: keyof Trial, drawn: readonly (readonly Trial[])[]) =>
    mean(drawn.flat().map((trial) => trial[side]));
  const ratio = (drawn: readonly (readonly Trial[])[]) => {
    const real = success("real", drawn);
    return real === 0 ? Number.NaN : success("dreamed", drawn) / real;
  };
  const of = (side: keyof Trial) =>
    share(starts.map((trials) => ({ held: sum(trials.map((trial) => trial[side])), of: trials.length })));
  return {
    [`dreamPolicyOverReal ${task}`]: bootstrap(starts, "ratio", seed, ratio, { within: POSITIVE }),
    [`dreamPolicySuccess ${task}`]: of("dreamed"),
    [`realPolicySuccess ${task}`]: of("real"),
  };
}

function curveOf(task: string, simulator: string, runs: readonly Trained[]): Plot {
  const series = runs.flatMap(({ history }, i) => [
    {
      name: `in the dream, ${i + 1}`,
      points: history.dreamed.map(({ steps, success }) => point(steps, { value: success })),
    },
    {
      name: `in ${simulator}, ${i + 1}`,
      points: history.real.map(({ steps, success }) => point(steps, { value: success })),
    },
  ]);
  return { title: `Training ${task}`, x: "env steps", y: "success of the population", kind: "lines", series };
}
