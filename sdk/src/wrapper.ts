// The base of what stands around an env and changes something of it.
import {
  type ActionLike,
  type Env,
  type EnvSpec,
  type ResetOptions,
  type ResetResult,
  type StepOptions,
  type StepResult,
  stepChunk,
} from "@worldstep/protocols";

/**
 * An env around another one: every call goes on to `env`. Extend it, and override what is to be other; of `step` and
 * `stepChunk` both, since neither calls the other. Around an env that denoises nothing jointly a chunk has one tick.
 */
export class Wrapper<E extends Env = Env> implements Env {
  #last: Promise<unknown> = Promise.resolve();

  constructor(readonly env: E) {}

  get spec(): EnvSpec {
    return this.env.spec;
  }

  reset(options?: ResetOptions): Promise<ResetResult> {
    return this.env.reset(options);
  }

  step(action: ActionLike, options?: StepOptions): Promise<StepResult> {
    return this.env.step(action, options);
  }

  stepChunk(actions: readonly ActionLike[], options?: StepOptions): Promise<StepResult[]> {
    return stepChunk(this.env, actions, options);
  }

  close(): Promise<void> {
    return this.env.close();
  }

  /** Runs `call` after all calls before it: for one that makes several of `env`'s, or keeps something of its own. */
  protected inOrder<T>(call: () => Promise<T>): Promise<T> {
    const result = this.#last.then(call);
    this.#last = result.catch(() => undefined); // the caller hears of it; the next call doesn't
    return result;
  }
}
