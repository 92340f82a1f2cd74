// The counter, with chunks: ticks of a chunk are as those alone, and what lies behind the episode's end is not made.
import type { ActionLike, Env, EnvSpec, ForkOptions, StepOptions, StepResult } from "@worldstep/protocols";
import { toActions } from "@worldstep/protocols";
import { Wrapper } from "../src/env/wrapper.js";
import { type CounterOptions, CounterWorld } from "./counter-world.js";

export class ChunkedCounter extends Wrapper<CounterWorld> {
  constructor(made?: CounterOptions | CounterWorld) {
    super(made instanceof CounterWorld ? made : new CounterWorld(made));
  }

  override fork(options?: ForkOptions): Promise<Env> {
    return this.inOrder(() => super.fork(options));
  }

  protected override around(env: CounterWorld): ChunkedCounter {
    return new ChunkedCounter(env);
  }

  override get spec(): EnvSpec {
    return { ...this.env.spec, chunk: 3 };
  }

  override async stepChunk(actions: readonly ActionLike[], options?: StepOptions): Promise<StepResult[]> {
    toActions(this.spec.actionSpace, actions, this.spec.chunk);
    return this.inOrder(async () => {
      const results: StepResult[] = [];
      for (const action of actions) {
        const result = await this.env.step(action, options);
        results.push(result);
        if (result.terminated || result.truncated) break;
      }
      return results;
    });
  }
}
