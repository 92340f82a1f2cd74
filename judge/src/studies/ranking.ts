// Policies of graded skill play the same episodes in the dream and in reality: would the dream rank them as reality does?
import type { Policy } from "@worldstep/sdk";
import { heldOutSeed } from "@worldstep/sdk";
import type { PolicyEntry } from "@worldstep/sdk/policies";
import { SCORED_TASKS, type ScoredTask } from "@worldstep/tabletop";
import { type Bench, scaled } from "../bench.js";
import { type Beside, beside } from "../beside.js";
import { succeeds } from "../episode.js";
import type { Study } from "../study.js";

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
  count: async (bench) => {
    const all = contests(bench.folder.policies);
    for (const contest of all) await (await opened(bench, contest)).close(); // what can't be opened is told at once
    return all.length * scaled(EPISODES, bench.settings);
  },
  ticks: () => 2 * 0.7 * TICKS,
  run: async (bench, i) => {
    const all = contests(bench.folder.policies);
    const contest = all[i % all.length] as Contest;
    const { task, entry } = contest;
    const seed = await plainSeed(bench, FIRST + CANDIDATES * Math.floor(i / all.length));
    const policy = await opened(bench, contest);
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

function opened({ folder, subject, probe }: Bench, { task, entry }: Contest): Promise<Policy> {
  return folder.open(entry, task, subject.spec, probe);
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
