import {
  average,
  type Counting,
  curve,
  curves,
  type Metric,
  type Metrics,
  type OpenLoop,
  type Part,
  POSITIVE,
} from "@worldstep/judge/kit";
import type { Pushed } from "../studies/open-loop.js";

/** What is kept of an open-loop rollout of Push-T. */
export type PushedOpenLoop = OpenLoop & Pushed;

const TICKS = [1, 10, 25] as const;
/** A T has moved when its corners did by so many pixels. */
const MOVED = 10;

/** Are disc and T where gym-pusht has them? */
export const pushing: Part<{ openLoop: readonly PushedOpenLoop[] }> = {
  studies: ["openLoop"],
  section: ({ openLoop }, counting: Counting) => {
    const at = (tick: number): Metrics => {
      const of = (value: (s: PushedOpenLoop) => number | undefined): Metric =>
        average(openLoop, "px of 512", counting.seed, value, POSITIVE);
      const moved = (s: PushedOpenLoop) => (s.moved[tick - 1] as number) > MOVED;
      const whereMoved = (key: "corners" | "moved") => of((s) => (moved(s) ? s[key][tick - 1] : undefined));
      return {
        [`cornersTick${tick}`]: of((s) => s.corners[tick - 1]),
        [`agentTick${tick}`]: of((s) => s.agent[tick - 1]),
        ...(openLoop.some(moved) && {
          [`movedCornersTick${tick}`]: whereMoved("corners"),
          [`movedByTick${tick}`]: whereMoved("moved"),
        }),
      };
    };
    return {
      title: "Pushing",
      text:
        "From the same open-loop dreams: how far the eight corners of the T are, on average, from where gym-pusht had them under " +
        "the same actions, and how far the disc is, in pixels of the table's 512; a tick is 0.2 s. Both are the world's own word " +
        "(environmentState and proprioception), not read from its pictures. moved: the same of those T alone that gym-pusht " +
        `had moved by more than ${MOVED} pixels by then, and by how much.`,
      metrics: Object.assign({}, ...TICKS.map(at)),
      reference: {},
      plots: [
        curves("Corners of the T", "off (px of 512)", {
          dream: curve(openLoop, counting, (s) => s.corners),
          "never moved": curve(openLoop, counting, (s) => s.moved),
        }),
        curves("Disc", "off (px of 512)", { dream: curve(openLoop, counting, (s) => s.agent) }),
      ],
      pictures: [],
    };
  },
};
