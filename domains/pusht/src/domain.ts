// Push-T as the judge knows it: gym-pusht, which nobody here wrote, and what a world of it is asked.
import { isDeepStrictEqual } from "node:util";
import {
  cost,
  costPart,
  type Domain,
  fidelity,
  type Measured,
  ranking,
  rewardPart,
  surprise,
  uncertaintyPart,
} from "@worldstep/judge/kit";
import { type EnvSpec, OptionError } from "@worldstep/protocols";
import { type Episode, recordEpisode, TICKS } from "./episode.js";
import { plannerPart } from "./parts/planner.js";
import { type PushedOpenLoop, pushing } from "./parts/pushing.js";
import { ranking as rankingPart } from "./parts/ranking.js";
import { readPolicies } from "./policies.js";
import { questions } from "./questions.js";
import { isDone, MAX_TICKS, PushT, pushtSpec, SIZE, TASK } from "./reality.js";
import { Sight } from "./sight.js";
import { bestCoverage } from "./studies/coverage.js";
import { pushtOpenLoop } from "./studies/open-loop.js";
import { planner } from "./studies/planner.js";

/** Corners that are further off than this, pixels of 512, are what an uncertainty should have warned of. */
const ASTRAY = 20;

/** Push-T, its episodes of ranking and planner of `ticks` ticks. */
export const pushtOf = ({ ticks }: { readonly ticks: number }): Domain<PushT, Measured, Episode> => ({
  id: "pusht",
  tasks: [TASK],
  ticks: TICKS,
  sizeBeside,
  reality: ({ spec, size, filmed }) => PushT.open({ size, filmed, action: spec.action }),
  asWorld: (size = SIZE) => ({
    id: "gym-pusht",
    description: "gym-pusht itself",
    hash: "gym-pusht",
    spec: pushtSpec(size),
    open: () => PushT.open({ size, filmed: true }),
    close: async () => undefined,
  }),
  record: recordEpisode,
  probe: async (size) => new Sight(size),
  policies: readPolicies,
  studies: {
    openLoop: pushtOpenLoop,
    surprise,
    ranking: ranking({ ticks, isPlain: (reality: PushT) => !isDone(reality.trace), score: bestCoverage }),
    planner: planner(ticks),
    cost,
  },
  parts: {
    fidelity,
    pushing,
    uncertainty: uncertaintyPart({
      what: "whose corners are more than 20 px off",
      of: ({ corners }: PushedOpenLoop) => corners.map((off) => off > ASTRAY),
    }),
    reward: rewardPart([TASK]),
    ranking: rankingPart,
    planner: plannerPart,
    cost: costPart,
  },
  questions,
});

export default pushtOf({ ticks: MAX_TICKS });

/** Throws `OptionError` (`eval_world_unfit`) for a world that doesn't show, take and tell what gym-pusht does. */
function sizeBeside(world: EnvSpec): number {
  const size = world.observationSpace.spaces.frames?.shape[1] ?? 0;
  const [has, wanted] = [interfaceOf(world), interfaceOf(pushtSpec(size))];
  const what = Object.keys(wanted).find((key) => !isDeepStrictEqual(has[key], wanted[key]));
  if (what === undefined) return size;
  throw new OptionError(
    "eval_world_unfit",
    `the world's ${what} is ${JSON.stringify(has[what])}; of gym-pusht it is ${JSON.stringify(wanted[what])}`,
    "judge worlds that were trained on the logs of domains/pusht/record.py with --stride 2",
    { [what]: has[what] },
  );
}

function interfaceOf({ observationSpace, action, state, stride, fps }: EnvSpec): Readonly<Record<string, unknown>> {
  const channels = action.map(({ name, unit, kind }) => ({ name, unit, kind })); // their bounds are of its logs
  return { frames: observationSpace.spaces.frames?.shape, action: channels, state, stride, fps };
}
