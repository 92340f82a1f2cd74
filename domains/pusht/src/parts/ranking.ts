import { average, type Metrics, type Part, rankingPart, type Trial } from "@worldstep/judge/kit";
import { TASK } from "../reality.js";

const general = rankingPart([TASK], {
  what: "coverage",
  text:
    "Coverage is the best of an episode of 300 control steps: how much of the goal the T covers at the end of some tick, by where " +
    "gym-pusht has its corners, and by where the world says that they are. Scripts see the disc and the corners, no frames.",
});

/** And how far each policy got. */
export const ranking: Part<{ ranking: readonly Trial[] }> = {
  ...general,
  section: (samples, counting) => {
    const section = general.section(samples, counting);
    const policies = [...new Set(samples.ranking.map(({ policy }) => policy))];
    const coverage = (side: "dreamed" | "real"): Metrics =>
      Object.fromEntries(
        policies.map((name) => {
          const of = ({ policy, success }: Trial) => (policy === name ? Number(success[side]) : undefined);
          return [`coverage ${name}`, average(samples.ranking, "share", counting.seed, of, [0, 1])];
        }),
      );
    return { ...section, metrics: { ...section.metrics, ...coverage("dreamed") }, reference: coverage("real") };
  },
};
