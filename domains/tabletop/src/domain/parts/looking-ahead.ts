import { average, curve, curves, type Part, POSITIVE } from "@worldstep/judge/kit";
import type { LookingAhead } from "../studies/looking-ahead.js";

const TICKS = [1, 10, 25];

/** How true is what the world predicts in the state alone? */
export const lookingAheadPart: Part<{ lookingAhead: readonly LookingAhead[] }> = {
  studies: ["lookingAhead"],
  section: ({ lookingAhead: samples }, counting) => {
    const of = (name: keyof LookingAhead, tick: number) =>
      average(samples, "cm", counting.seed, (sample) => sample[name][tick - 1], POSITIVE);
    const metrics = (name: keyof LookingAhead) =>
      samples.length === 0
        ? {}
        : Object.fromEntries(TICKS.map((tick) => [`${name}StateErrorTick${tick}`, of(name, tick)]));
    return {
      title: "Looking ahead",
      text:
        "predict and plan follow the state alone: the predictor is fed with what it predicts, and no frame is dreamed that would " +
        "correct it. How far the tip of the arm and the cubes are from where that says, on average over the four, beside what " +
        "the same world says when it is stepped through the same actions. Worlds without a predictor have no such numbers.",
      metrics: { ...metrics("predicted"), ...metrics("stepped") },
      reference: {},
      plots: [
        curves("Tip and cubes, by what the world says", "error (cm)", {
          predicted: curve(samples, counting, ({ predicted }) => predicted),
          stepped: curve(samples, counting, ({ stepped }) => stepped),
        }),
      ],
      pictures: [],
    };
  },
};
