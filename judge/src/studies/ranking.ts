// Policies of graded skill play the same episodes in the dream and in reality: would the dream rank them as reality does?
import type { Env, Observation } from "@worldstep/protocols";
import { heldOutSeed, type Policy } from "@worldstep/sdk";
import type { PolicyEntry } from "@worldstep/sdk/policies";
import { scaled } from "../bench.js";
import { type Beside, beside } from "../beside.js";
import type { Bench, Study } from "../domain.js";
import { succeeds } from "../episode.js";

/** Episodes of each policy in each task. */
const EPISODES = 50;
/** Held-out episodes that are this study's own; each may look through some for a start with nothing done yet. */
const FIRST = 600_000;
const CANDIDATES = 20;
/** Of an episode's ticks, those that are played about: some policies are done before. */
const PLAYED = 0.7;

export interface Trial {
  readonly task: string;
  readonly policy: string;
  /** How far it succeeded, in [0, 1]; of what is done or is not, true or false. */
  readonly success: Beside<number | boolean>;
}

export interface Contests<R extends Env> {
  /** Of an episode: enough for every expert, and barely for a slow one. */
  readonly ticks: number;
  /** Whether nothing is done yet where reality, which was reset, starts. */
  isPlain(reality: R): boolean;
  /**
   * How far `policy` succeeds in an episode of `env` that nothing ends, of `ticks` ticks from `start` on. Absent where it
   * does or does not, as the env says.
   */
  readonly score?: (bench: Bench<R>, env: Env, start: Observation, policy: Policy, ticks: number) => Promise<number>;
}

export function ranking<R extends Env>({ ticks, isPlain, score }: Contests<R>): Study<Trial, Bench<R>> {
  return {
    count: async (bench) => {
      const all = contests(bench);
      for (const contest of all) await (await opened(bench, contest)).close(); // what can't be opened is told at once
      return all.length * scaled(EPISODES, bench.settings);
    },
    ticks: () => 2 * PLAYED * ticks,
    run: async (bench, i) => {
      const all = contests(bench);
      const contest = all[i % all.length] as Contest;
      const { task, entry } = contest;
      const seed = await plainSeed(bench, FIRST + CANDIDATES * Math.floor(i / all.length), isPlain);
      const policy = await opened(bench, contest);
      try {
        const [asked, maxTicks] = score ? [undefined, 0] : [task, ticks];
        const success = await beside(bench, seed, asked, maxTicks, async (env, observation) => {
          await policy.reset(seed);
          return score ? score(bench, env, observation, policy, ticks) : succeeds(env, observation, policy);
        });
        return { task, policy: entry.name, success };
      } finally {
        await policy.close();
      }
    },
  };
}

interface Contest {
  readonly task: string;
  readonly entry: PolicyEntry;
}

// Neighbours are of different policies, so that an interrupted run has some of each.
function contests({ domain, folder: { policies } }: Pick<Bench, "domain" | "folder">): Contest[] {
  const takesPart = ({ tasks }: PolicyEntry, task: string) => tasks === undefined || tasks.includes(task);
  return domain.tasks.flatMap((task) =>
    policies.filter((entry) => takesPart(entry, task)).map((entry) => ({ task, entry })),
  );
}

function opened(
  { folder, subject, probe }: Pick<Bench, "folder" | "subject" | "probe">,
  { task, entry }: Contest,
): Promise<Policy> {
  return folder.open(entry, task, subject.spec, probe);
}

// The first of the seeds from `first` on whose start is plain.
async function plainSeed<R extends Env>(
  { settings, reality }: Bench<R>,
  first: number,
  isPlain: Contests<R>["isPlain"],
): Promise<number> {
  for (let i = first; i < first + CANDIDATES; i++) {
    const seed = heldOutSeed(settings.seed, i);
    await reality.reset({ seed });
    if (isPlain(reality)) return seed;
  }
  throw new Error(`none of ${CANDIDATES} starts is plain`);
}
