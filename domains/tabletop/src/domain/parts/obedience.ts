import {
  average,
  type Beside,
  bootstrap,
  curve,
  curves,
  mean,
  type OpenLoop,
  type Part,
  POSITIVE,
  SWAP_TICK,
} from "@worldstep/judge/kit";
import type { Handled } from "../open-loop.js";

/** What is kept of an open-loop rollout of the tabletop. */
export type ArmOpenLoop = OpenLoop & Handled;

/** Does the world do what the actions say? */
export const obedience: Part<{ openLoop: readonly ArmOpenLoop[]; inverseActions: readonly Beside<number>[] }> = {
  studies: ["openLoop", "inverseActions"],
  section: ({ openLoop, inverseActions }, counting) => {
    const { seed } = counting;
    const of = (value: (s: ArmOpenLoop) => number | undefined) => average(openLoop, "cm", seed, value, POSITIVE);
    const at = (tick: number) => tick - 1;
    const errors = (tip: keyof ArmOpenLoop & ("tip" | "tipReal"), opening: "opening" | "openingReal") => ({
      endEffectorError: of((s) => s[tip][at(10)]),
      endEffectorErrorTick25: of((s) => s[tip][at(25)]),
      gripperErrorTick10: of((s) => s[opening][at(10)]),
    });
    const swap = (tip: "tip" | "tipReal", swapped: "tipSwapped" | "tipSwappedReal") =>
      bootstrap(
        openLoop,
        "ratio",
        seed,
        (drawn) => mean(drawn.map((s) => s[swapped])) / mean(drawn.map((s) => s[tip][at(SWAP_TICK)] as number)),
        { within: POSITIVE },
      );
    const hasTokenizer = openLoop.some(({ tipDecoded }) => tipDecoded !== undefined);
    const hasReading = openLoop.some(({ reading }) => reading !== undefined);
    return {
      title: "Obedience",
      text:
        "From the same open-loop dreams: how far the tip of the arm is from where the simulator had it under the same " +
        "actions, after 2 s (endEffectorError) and 5 s; how far the opening of the gripper is off; how far a cube is off ten " +
        "ticks after it was first touched. The probe reads positions from frames, and what it reads from the real frames is " +
        "beside: no world can do better. swapRatio: the tip's error under another episode's actions over its error under " +
        "the right ones; 1 is a world that does not listen. inverseActionError: five ticks of motion in free air, then " +
        "their inverses: how far the tip is from where it set out; a world that does not listen is there too.",
      metrics: {
        ...errors("tip", "opening"),
        objectErrorTick10: of((s) => s.object),
        ...(hasTokenizer && { endEffectorErrorDecoded: of((s) => s.tipDecoded) }),
        ...(hasReading && { startReadingError: of((s) => s.reading) }),
        swapRatio: swap("tip", "tipSwapped"),
        inverseActionError: average(inverseActions, "cm", seed, ({ dreamed }) => dreamed, POSITIVE),
      },
      reference: {
        ...errors("tipReal", "openingReal"),
        objectErrorTick10: of((s) => s.objectReal),
        swapRatio: swap("tipReal", "tipSwappedReal"),
        inverseActionError: average(inverseActions, "cm", seed, ({ real }) => real, POSITIVE),
      },
      plots: [
        curves("End effector", "error (cm)", {
          dream: curve(openLoop, counting, (s) => s.tip),
          simulator: curve(openLoop, counting, (s) => s.tipReal),
        }),
        curves("Gripper opening", "error (cm)", {
          dream: curve(openLoop, counting, (s) => s.opening),
          simulator: curve(openLoop, counting, (s) => s.openingReal),
        }),
      ],
      pictures: [],
    };
  },
};
