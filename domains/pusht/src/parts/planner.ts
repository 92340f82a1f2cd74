import { average, type Metrics, type Part, share } from "@worldstep/judge/kit";
import type { Outcome, Planning } from "../studies/planner.js";

/** Is it good for choosing what to do? */
export const plannerPart: Part<{ planner: readonly Planning[] }> = {
  studies: ["planner"],
  section: ({ planner }, { seed }) => {
    const of = (prefix: string, side: keyof Planning): Metrics => {
      const rate = (held: (outcome: Outcome) => boolean) =>
        share(planner.map((sample) => ({ held: Number(held(sample[side])), of: 1 })));
      return {
        [`${prefix}Coverage`]: average(planner, "share", seed, (sample) => sample[side].coverage, [0, 1]),
        [`${prefix}Success`]: rate(({ success }) => success),
        [`${prefix}Near`]: rate(({ near }) => near),
      };
    };
    return {
      title: "Planner",
      text:
        "Episodes of up to 300 control steps in gym-pusht. planned: one push at each contact of the T's outline is tried in a dream " +
        "that begins at gym-pusht's present frame, and the one that brings the T nearest to the goal is played, to the tick at which " +
        "it is nearest; where the T is, to lay pushes around it, is read from gym-pusht's state. Beside it what the same " +
        "planner reaches that tries its pushes in gym-pusht itself. rule: the script that recorded the logs, which chooses as if the T " +
        "slid on ice. Coverage: the most of the goal that the T covered; Success: whether that was above 0.95, gym-pusht's own; " +
        "Near: whether it came within 20 pixels and 20 degrees, DINO-WM's.",
      metrics: { ...of("planned", "dreamed"), ...of("rule", "rule") },
      reference: of("planned", "real"),
      plots: [],
      pictures: [],
    };
  },
};
