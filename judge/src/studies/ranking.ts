// Policies of graded skill play the same episodes in the dream and in reality: would the dream rank them as reality does?
import { type PolicyEntry, readPolicies } from "@worldstep/policies";
import { heldOutSeed, SCORED_TASKS } from "@worldstep/simulator";
import { type Bench, scaled } from "../bench.js";
import { type Beside, beside } from "../beside.js";
import { succeeds } from "../episode.js";
import type { Study } from "../study.js";

type ScoredTask = (typeof SCORED_TASKS)[number];

/** Ticks of an episode: 9 s, in which every expert is done and a slow one barely. */
const TICKS = 45;
/** Episodes of each policy in each task. */
const EPISODES = 50;
/** Held-out episodes that are this study's own; each may look through some for a start with nothing done yet. */
const FIRST = 600_000;
const CANDIDATES = 20;
const ON_TABLE = 0.025;

export interface Trial {
  readonly task: ScoredTask;
  readonly policy: string;
  /** Whether it succeeded. */
  readonly success: Beside<boolean>;
}

export const ranking: Study<Trial> = {
  count: async (settings) => {
    const { policies } = await readPolicies(settings.policies);
    return contests(policies).length * scaled(EPISODES, settings);
  },
  ticks: () => 2 * 0.7 * TICKS,
  run: async (bench, i) => {
    const all = contests(bench.folder.policies);
    const { task, entry } = all[i % all.length] as Contest;
    const seed = await plainSeed(bench, FIRST + CANDIDATES * Math.floor(i / all.length));
    const policy = await bench.folder.open(entry, task, bench.subject.spec, bench.ruler);
    try {
      const success = await beside(bench, seed, task, TICKS, async (env, observation) => {
        await policy.reset(seed);
        return succeeds(env, observation, policy);
      });
      return { task, policy: entry.name, success };
    } finally {
      await policy.close();
    }
  },
};

interface Contest {
  readonly task: ScoredTask;
  readonly entry: PolicyEntry;
}

// Neighbours are of different policies, so that an interrupted run has some of each.
function contests(policies: readonly PolicyEntry[]): Contest[] {
  const takesPart = ({ tasks }: PolicyEntry, task: ScoredTask) => tasks === undefined || tasks.includes(task);
  return SCORED_TASKS.flatMap((task) =>
    policies.filter((entry) => takesPart(entry, task)).map((entry) => ({ task, entry })),
  );
}

// The first of the seeds from `first` on with every cube on the table.
async function plainSeed(bench: Bench, first: number): Promise<number> {
  for (let i = first; i < first + CANDIDATES; i++) {
    const seed = heldOutSeed(bench.settings.seed, i);
    await bench.reality.reset({ seed, task: "play" });
    if (bench.reality.state().layout.cubes.every(({ position }) => position[2] === ON_TABLE)) return seed;
  }
  throw new Error(`none of ${CANDIDATES} starts is plain`);
}
