// What is judged, and how it starts where reality starts.
import { openWorld } from "@worldstep/engine";
import {
  type ActionLike,
  byteTensor,
  type Env,
  type EnvSpec,
  type Observation,
  type ResetResult,
  type StepOptions,
  type StepResult,
} from "@worldstep/protocols";
import { newestFrame, Wrapper } from "@worldstep/sdk";
import { createSimulator, simulatorSpec } from "@worldstep/tabletop";

/** A world under judgement. */
export interface Subject {
  readonly id: string;
  readonly description: string;
  /** Names the subject with all its files. */
  readonly hash: string;
  readonly spec: EnvSpec;
  open(): Promise<Env>;
  /** Where the subject has one: frames `[s, H, W, 3]` uint8 to latents and back. */
  readonly tokenizer?: {
    encode(frames: Uint8Array): Promise<Float32Array>;
    reconstruct(ticks: readonly Uint8Array[]): Promise<Uint8Array[]>;
  };
  /** Bytes of a page, and of what memory blocks keep of all ticks, in one session; absent where there are none. */
  readonly memory?: { readonly page: number; readonly state: number };
  /** Ticks that it attends to, besides what it remembers; absent where there is no such thing. */
  readonly window?: number;
  close(): Promise<void>;
}

/** A subject in words that can be sent to another process. */
export type SubjectName =
  | { readonly kind: "world"; readonly folder: string; readonly nfe?: number }
  | { readonly kind: "simulator"; readonly size?: number };

/** Throws what `openWorld` throws. One thread, so that numbers do not depend on how many work. */
export async function openSubject(name: SubjectName): Promise<Subject> {
  if (name.kind === "simulator") return simulatorSubject(name.size);
  const world = await openWorld(name.folder, { threads: 1 });
  const spec = withNfe(world.spec, name.nfe);
  return {
    id: spec.id,
    description: world.world.description,
    hash: world.hash,
    spec,
    open: async () => new AtBudget(await world.open(), spec),
    tokenizer: { encode: world.encode, reconstruct: world.reconstruct },
    memory: world.memory,
    window: world.world.dynamics.window,
    close: world.close,
  };
}

/** The simulator judged as if it were a world: what a perfect one with frames of `size` scores. */
function simulatorSubject(size?: number): Subject {
  const options = { varied: true, ...(size !== undefined && { size }) };
  return {
    id: "simulator",
    description: "The MuJoCo tabletop itself",
    hash: "simulator",
    spec: simulatorSpec(options),
    open: () => createSimulator(options),
    close: async () => undefined,
  };
}

/** Where an episode begins: a moment of reality. */
export interface Beginning {
  readonly seed: number;
  readonly task: string;
  readonly maxTicks: number;
  /** What reality showed after its reset. */
  readonly observation: Observation;
}

/**
 * Resets `env` to where reality began: from its frame and proprioception where the env takes frames, else from its seed,
 * as a simulator does.
 */
export function begin(env: Env, { seed, task, maxTicks, observation }: Beginning): Promise<ResetResult> {
  if (!env.spec.acceptsFrames) return env.reset({ seed, task, maxTicks });
  const { frames, proprioception } = observation;
  const first = byteTensor(newestFrame(observation).slice(), [1, ...frames.shape.slice(1)]);
  return env.reset({ seed, task, maxTicks, frames: first, proprioception });
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

  override step(action: ActionLike, options: StepOptions = {}): Promise<StepResult> {
    return super.step(action, this.#budgeted(options));
  }

  override stepChunk(actions: readonly ActionLike[], options: StepOptions = {}): Promise<StepResult[]> {
    return super.stepChunk(actions, this.#budgeted(options));
  }

  #budgeted(options: StepOptions): StepOptions {
    const { nfe } = this.spec;
    return { ...(nfe && { nfe: nfe.default }), ...options };
  }
}
