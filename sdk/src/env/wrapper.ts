// The base of what stands around an env and changes something of it.
import {
  type ActionLike,
  type CallOptions,
  cannotFork,
  type Env,
  type EnvSpec,
  type FloatTensor,
  type ForkOptions,
  fork,
  type Planned,
  type PlanOptions,
  type Predicted,
  plan,
  predict,
  type ResetOptions,
  type ResetResult,
  restore,
  type StepOptions,
  type StepResult,
  snapshot,
  stepChunk,
} from "@worldstep/protocols";

/**
 * An env around another one: every call goes on to `env`. Extend it, and override what is to be other; of `step` and
 * `stepChunk` both, since neither calls the other. Around an env that denoises nothing jointly a chunk has one tick.
 * What keeps something of its own between calls puts it into `around`, `snapshot` and `restore`.
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

  /** A fork of `env`, within what `around` says. */
  async fork(options?: ForkOptions): Promise<Env> {
    const env = (await fork(this.env, options)) as E;
    try {
      return await this.around(env);
    } catch (error) {
      await env.close();
      throw error;
    }
  }

  snapshot(): Promise<Uint8Array> {
    return snapshot(this.env);
  }

  restore(bytes: Uint8Array): Promise<void> {
    return restore(this.env, bytes);
  }

  predict(actions: FloatTensor): Promise<Predicted> {
    return predict(this.env, actions);
  }

  plan(options?: PlanOptions, call?: CallOptions): Promise<Planned> {
    return plan(this.env, options, call);
  }

  close(): Promise<void> {
    return this.env.close();
  }

  /** What this is around `env`, a fork of its own. Override it: a wrapper that doesn't can't fork (`env_cannot_fork`). */
  protected around(env: E): Env | Promise<Env> {
    if (this.constructor === Wrapper) return new Wrapper(env);
    throw cannotFork();
  }

  /** Runs `call` after all calls before it: for one that makes several of `env`'s, or keeps something of its own. */
  protected inOrder<T>(call: () => Promise<T>): Promise<T> {
    const result = this.#last.then(call);
    this.#last = result.catch(() => undefined); // the caller hears of it; the next call doesn't
    return result;
  }
}
