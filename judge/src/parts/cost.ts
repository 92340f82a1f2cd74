import type { Part } from "../domain.js";
import type { Cost } from "../studies/cost.js";

/** What does it cost to run? */
export const costPart: Part<{ cost: readonly Cost[] }> = {
  studies: ["cost"],
  section: ({ cost }) => {
    const [found] = cost;
    return {
      title: "Cost",
      text:
        "Steps of one session on one CPU thread of this machine, with nothing beside it. A session's bytes are those of the " +
        "arrays that it holds after some ticks: pages, state, what the decoder keeps and last frames. A page is what " +
        "is kept of one tick of the window, the state what is kept of all. " +
        "`npm run bench -- step` measures more, and better.",
      metrics: found
        ? {
            framesPerSecond: { value: found.framesPerSecond, unit: "1/s" },
            ...(found.bytesPerSession !== undefined && {
              bytesPerSession: { value: found.bytesPerSession, unit: "bytes" },
            }),
            ...(found.memory && {
              pageBytes: { value: found.memory.page, unit: "bytes" },
              stateBytes: { value: found.memory.state, unit: "bytes" },
            }),
            ...(found.nfe !== undefined && { nfe: { value: found.nfe, unit: "evaluations a tick" } }),
          }
        : {},
      reference: {},
      plots: [],
      pictures: [],
    };
  },
};
