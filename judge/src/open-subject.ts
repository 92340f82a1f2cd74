// Opens what is judged, in this process or in a worker.
import {
  type ActionLike,
  checkStep,
  type Env,
  type EnvSpec,
  type StepOptions,
  type StepResult,
} from "@worldstep/protocols";
import { load, Wrapper } from "@worldstep/sdk";
import type { Domain } from "./domain.js";
import type { Subject } from "./subject.js";

/** A subject in words that can be sent to another process: a world, or the domain's reality as if it were one. */
export type SubjectName =
  | { readonly kind: "world"; readonly folder: string; readonly nfe?: number }
  | { readonly kind: "reality"; readonly size?: number };

/** Throws what `load` throws. One thread, so that numbers do not depend on how many work. */
export async function openSubject(name: SubjectName, domain: Domain): Promise<Subject> {
  if (name.kind === "reality") return domain.asWorld(name.size);
  const { open, close, ...world } = await load(name.folder, { threads: 1 });
  const spec = withNfe(world.spec, name.nfe);
  return {
    id: spec.id,
    description: world.description,
    hash: world.hash,
    spec,
    open: async () => new AtBudget(await open(), spec),
    tokenizer: world.tokenizer,
    memory: world.memory,
    window: world.window,
    close,
  };
}

function withNfe(spec: EnvSpec, nfe: number | undefined): EnvSpec {
  return nfe === undefined || spec.nfe === undefined ? spec : { ...spec, nfe: { ...spec.nfe, default: nfe } };
}

/** `env` at the default budget of `spec`. */
class AtBudget extends Wrapper {
  readonly #spec: EnvSpec;

  constructor(env: Env, spec: EnvSpec) {
    super(env);
    this.#spec = spec;
  }

  override get spec(): EnvSpec {
    return this.#spec;
  }

  override async step(action: ActionLike, options: StepOptions = {}): Promise<StepResult> {
    return super.step(action, this.#budgeted(options));
  }

  override async stepChunk(actions: readonly ActionLike[], options: StepOptions = {}): Promise<StepResult[]> {
    return super.stepChunk(actions, this.#budgeted(options));
  }

  protected override around(env: Env): AtBudget {
    return new AtBudget(env, this.#spec);
  }

  #budgeted(options: StepOptions): StepOptions {
    checkStep(this.spec, options);
    const { nfe } = this.spec;
    return { ...(nfe && { nfe: nfe.default }), ...options };
  }
}
