// Checks that an env keeps the contract of `Env`: the counterpart of Gymnasium's `check_env`.
import { type Env, WorldError } from "@worldstep/protocols";
import { episodeChecks } from "./checks/episode.js";
import { forkChecks } from "./checks/fork.js";
import { observeChecks } from "./checks/observe.js";
import { planChecks } from "./checks/plan.js";
import { refusalChecks } from "./checks/refusals.js";
import { specChecks } from "./checks/spec.js";

const ALL = [...specChecks, ...episodeChecks, ...observeChecks, ...refusalChecks, ...forkChecks, ...planChecks];

export interface CheckEnvOptions {
  /** Default 1. */
  readonly seed?: number;
  /** Ticks of the rollouts that are compared; default 3. */
  readonly ticks?: number;
  /** Throw if a check fails (the default), or only report it. */
  readonly throwOnFailure?: boolean;
}

export interface CheckResult {
  readonly name: string;
  readonly ok: boolean;
  /** What was wrong; empty where the check passed. */
  readonly detail: string;
}

export interface CheckReport {
  readonly ok: boolean;
  readonly checks: readonly CheckResult[];
}

/**
 * Runs every check on fresh envs from `open`, at most 3 at a time, and closes them: about 40 envs, 50 resets and
 * 40 + 10 * `ticks` steps.
 * Throws `WorldError` (`check_env_failed`) that lists all failures, unless `throwOnFailure` is false.
 */
export async function checkEnv(open: () => Promise<Env>, options: CheckEnvOptions = {}): Promise<CheckReport> {
  const { seed = 1, ticks = 3, throwOnFailure = true } = options;
  const checks: CheckResult[] = [];
  for (const [name, run] of ALL) {
    const envs: Env[] = [];
    const context = {
      seed,
      ticks,
      open: async () => {
        const env = await open();
        envs.push(env);
        return env;
      },
    };
    const detail = await run(context).then(
      () => "",
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    await Promise.allSettled(envs.map((env) => env.close())); // that they close is a check of its own
    checks.push({ name, ok: detail === "", detail });
  }
  const failed = checks.filter(({ ok }) => !ok);
  if (failed.length > 0 && throwOnFailure) {
    throw new WorldError(
      "check_env_failed",
      `${failed.length} of ${checks.length} checks failed:\n${failed.map(({ name, detail }) => `- ${name}: ${detail}`).join("\n")}`,
      "see docs/protocol.md and the docstrings of Env for what is expected",
      { failed },
    );
  }
  return { ok: failed.length === 0, checks };
}
