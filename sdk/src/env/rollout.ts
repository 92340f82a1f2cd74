// Steps an env through a stream of actions, one step at a time, and never further ahead than its consumer allows.
import {
  type ActionLike,
  checkStep,
  type Env,
  OptionError,
  type StepOptions,
  type StepResult,
  stepChunk,
} from "@worldstep/protocols";
import { concatMap, defer, from, isObservable, Observable, takeWhile } from "rxjs";
import { OVERFLOW_POLICIES, type OverflowPolicy, queued } from "./action-queue.js";
import { cutPlan } from "./cut-plan.js";

/** Where a rollout's actions come from. Iterables are asked for the next action only when the env is ready for it. */
export type ActionSource = Observable<ActionLike> | AsyncIterable<ActionLike> | Iterable<ActionLike>;

export interface RolloutOptions extends StepOptions {
  /** Actions of an Observable that may wait while a step runs: a whole number; without it, as many as come. */
  readonly buffer?: number;
  /**
   * What happens to an action of an Observable when the buffer is full: `error` (the default) ends the rollout with
   * `rollout_overflow`, `latest` drops the oldest that waits, `drop` drops the newcomer.
   */
  readonly overflow?: OverflowPolicy;
}

/**
 * The results of stepping `env` through `actions`. The env must have been reset. Nothing happens until it is subscribed
 * to; each subscription steps the env anew. Throws `OptionError` (`option_rollout`, `option_unknown`, `option_nfe`).
 *
 * The next action is taken only when the step before is done. An Observable can't be paused: all that it sends meanwhile
 * waits, and is stepped in order. Of a source that goes on at its own pace, as keys and timers do, give `buffer: 1` and
 * `overflow: "latest"`: the env then lags behind it by no more than a step. Completes when the actions or the episode end;
 * an error of the env or of the source is the observer's, and leaves the env at its last tick. To unsubscribe takes no
 * further action; a step under way still ends.
 */
export function rollout(env: Env, actions: ActionSource, options: RolloutOptions = {}): Observable<StepResult> {
  const { buffer = Number.POSITIVE_INFINITY, overflow = "error", ...stepOptions } = options;
  checkQueue(buffer, overflow);
  checkStep(env.spec, stepOptions);
  return new Observable<StepResult>((observer) => {
    const source = isObservable(actions) ? queued(actions, buffer, overflow) : actions;
    const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
    drive();
    return () => void iterator.return?.();

    async function drive(): Promise<void> {
      try {
        while (!observer.closed) {
          const next = await iterator.next();
          if (next.done || observer.closed) break;
          const result = await env.step(next.value, stepOptions);
          observer.next(result);
          if (result.terminated || result.truncated) break;
        }
        observer.complete();
      } catch (error) {
        observer.error(error);
      }
    }
  });
}

function checkQueue(buffer: number, overflow: OverflowPolicy): void {
  if (!(buffer === Number.POSITIVE_INFINITY || (Number.isSafeInteger(buffer) && buffer >= 0))) {
    const remedy = "give a whole number of actions, or none for as many as come";
    throw new OptionError("option_rollout", `buffer is ${String(buffer)}`, remedy, { option: "buffer" });
  }
  if (!OVERFLOW_POLICIES.includes(overflow)) {
    const remedy = `use one of ${OVERFLOW_POLICIES.join(", ")}`;
    throw new OptionError("option_rollout", `overflow is ${String(overflow)}`, remedy, { option: "overflow" });
  }
}

/**
 * As `rollout`, of actions that are all known: they are cut into chunks by what they do (`cutPlan`), and the ticks of a
 * chunk are denoised jointly where the env does that. The next chunk is taken when all ticks of the one before are there.
 */
export function rolloutPlan(env: Env, plan: readonly ActionLike[], options: StepOptions = {}): Observable<StepResult> {
  return defer(() => from(cutPlan(env.spec, plan))).pipe(
    concatMap((chunk) => stepChunk(env, chunk, options)),
    concatMap((results) => results),
    takeWhile(({ terminated, truncated }) => !terminated && !truncated, true),
  );
}
