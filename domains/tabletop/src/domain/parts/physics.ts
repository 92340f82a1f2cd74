import { type Beside, type Metric, type Part, share, type Tally } from "@worldstep/judge/kit";
import type { Laws } from "../physics.js";

/** Do things behave as things do? */
export const physics: Part<{ handling: readonly Beside<Laws>[]; resting: readonly Beside<Laws>[] }> = {
  studies: ["handling", "resting"],
  section: ({ handling, resting }) => {
    const rates = (side: "dreamed" | "real") => {
      const all = [...handling, ...resting].map((sample) => sample[side]);
      const of = (law: keyof Laws) => share(all.map((laws) => laws[law]));
      const still = of("still");
      return {
        permanenceRate: counted(of("permanent"), all, "permanent"),
        teleportRate: counted(complement(still), all, "still"),
        followRate: counted(of("follows"), all, "follows"),
        fallRate: counted(of("falls"), all, "falls"),
        restRate: counted(of("rests"), all, "rests"),
      };
    };
    return {
      title: "Physics",
      text:
        "Scripts pick, carry, stack, drop and push cubes, seeing through the probe; in other episodes the arm is busy beside " +
        "a stack. Read from the frames: permanenceRate, each cube is seen exactly once (its colour makes one spot); " +
        "teleportRate, a cube that lies on the table, far from the hand, is more than 2.5 cm away a tick later; followRate, a " +
        "cube in the closed fingers has moved as they have (within half of their way) two ticks later; fallRate, a cube that was let go is on something two ticks " +
        "later; restRate, a cube on another stays there for three ticks when the hand is away. n is how often each could " +
        "have been broken. The simulator's own rate, read in the same way, is beside: the probe errs, and the hand hides " +
        "cubes. Both sides act on what they see, so a world in which cubes are lost has fewer chances to drop them.",
      metrics: rates("dreamed"),
      reference: rates("real"),
      plots: [],
      pictures: [],
    };
  },
};

function counted(metric: Metric, all: readonly Laws[], law: keyof Laws): Metric {
  return { ...metric, n: all.reduce((total, laws) => total + (laws[law] as Tally).of, 0) };
}

function complement({ value, low, high, ...rest }: Metric): Metric {
  if (low === undefined || high === undefined) return { ...rest, value: 1 - value };
  return { ...rest, value: 1 - value, low: 1 - high, high: 1 - low };
}
