// Forks and snapshots of any env: what can't says so with a code.
import type { Env, ForkOptions } from "./env.js";
import { WorldError } from "./errors.js";
import { checkKeys, isWhole, refusal } from "./options.js";

/** `env.fork(options)`. Throws `env_cannot_fork` of an env without it. */
export async function fork(env: Env, options: ForkOptions = {}): Promise<Env> {
  if (env.fork) return env.fork(options);
  throw cannotFork();
}

/** `env.snapshot()`. Throws `env_cannot_snapshot` of an env without it. */
export async function snapshot(env: Env): Promise<Uint8Array> {
  if (env.snapshot) return env.snapshot();
  throw cannotSnapshot();
}

/** `env.restore(bytes)`. Throws `env_cannot_snapshot` of an env without it. */
export async function restore(env: Env, bytes: Uint8Array): Promise<void> {
  if (env.restore) return env.restore(bytes);
  throw cannotSnapshot();
}

export function cannotFork(): WorldError {
  return new WorldError(
    "env_cannot_fork",
    "this env can't fork",
    "reset another env with the seed, and repeat the actions",
  );
}

export function cannotSnapshot(): WorldError {
  const remedy = "reset with the seed, and repeat the actions";
  return new WorldError("env_cannot_snapshot", "this env has no snapshots", remedy);
}

/** Throws `OptionError`: `option_invalid`, `option_unknown`, `option_seed`. */
export function checkFork(options: ForkOptions): void {
  checkKeys("fork", options, ["seed"]);
  const { seed } = options;
  if (seed === undefined || isWhole(seed)) return;
  throw refusal("option_seed", "seed", seed, "a whole number in [0, 2^53), or none");
}
