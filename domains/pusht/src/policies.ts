// Policies of Push-T: the scripts of pusher.py, and those behind a socket.
import { fileURLToPath } from "node:url";
import { type EnvSpec, floatTensor, type Observation, scale } from "@worldstep/protocols";
import { type Policy, remotePolicy } from "@worldstep/sdk";
import { type PolicyFolder, readPolicyFolder } from "@worldstep/sdk/policies";
import { z } from "zod";
import { Python } from "./python.js";

/** From blind to skilled. */
const OWN = fileURLToPath(new URL("../policies", import.meta.url));

const named = { name: z.string().min(1).max(100), tasks: z.array(z.string()).min(1).optional() };
const entry = z.discriminatedUnion("kind", [
  /** Goes to places at random. */
  z.strictObject({ ...named, kind: z.literal("wander") }),
  /** Pushes the T towards the goal. `skill`: the share of pushes that are chosen well; `jitter`: noise, pixels of 512. */
  z.strictObject({
    ...named,
    kind: z.literal("push"),
    skill: z.number().min(0).max(1).default(1),
    jitter: z.number().min(0).default(0),
  }),
  z.strictObject({
    ...named,
    kind: z.literal("openpi"),
    url: z.string().min(1),
    dialect: z.enum(["openpi", "roboarena", "vllm-omni"]).optional(),
  }),
]);
const schema = z.strictObject({ policies: z.array(entry).min(1) });

export type PushTEntry = Readonly<z.infer<typeof entry>>;

/** Those in `path`, or those that come with this domain. Throws what `readPolicyFolder` throws. */
export async function readPolicies(path: string = OWN): Promise<PolicyFolder<unknown, PushTEntry>> {
  const { hash, policies } = await readPolicyFolder(path, {
    schema,
    files: () => [],
  });
  return {
    hash,
    policies,
    open: async (policy, _task, spec): Promise<Policy> => {
      if (policy.kind !== "openpi") return Script.open(policy, spec);
      return remotePolicy(policy.url, spec, policy.dialect === undefined ? {} : { dialect: policy.dialect });
    },
  };
}

/** A script of pusher.py. It looks at no frames, but at `corners` of the observation. */
export class Script implements Policy {
  readonly #name: number;

  /** Throws `OptionError` (`python_missing`). */
  static async open(how: Exclude<PushTEntry, { kind: "openpi" }>, spec: EnvSpec): Promise<Script> {
    const { name: _, tasks: __, ...kind } = how;
    return new Script(await Python.open(), kind, spec);
  }

  private constructor(
    readonly python: Python,
    readonly kind: Readonly<Record<string, unknown>>,
    readonly spec: EnvSpec,
  ) {
    this.#name = python.name();
  }

  async reset(seed: number): Promise<void> {
    await this.python.ask("policy", { policy: this.#name, ...this.kind, seed });
  }

  async act({ proprioception, corners }: Observation): Promise<Float32Array> {
    if (corners === undefined) throw new Error("a script of Push-T is shown no corners");
    const [block] = await targets(
      this.python,
      this.spec,
      [this.#name],
      [[...proprioception.data]],
      [[...corners.data]],
    );
    return block as Float32Array;
  }

  async close(): Promise<void> {
    await this.python.forget([this.#name]);
    this.python.close();
  }
}

/** The action blocks by which `policies` go where they want: agents `[n][2]`, corners `[n][16]`, pixels of 512. */
export async function targets(
  python: Python,
  spec: EnvSpec,
  policies: readonly number[],
  agents: readonly (readonly number[])[],
  corners: readonly (readonly number[])[],
): Promise<Float32Array[]> {
  const { said } = await python.ask("act", { policies, agents, corners });
  return (said.targets as number[][]).map((target) => {
    const rows = Array<number[]>(spec.stride).fill(target); // one decision a tick
    return scale(spec, rows).map((value) => Math.min(1, Math.max(-1, value)));
  });
}

/** What scripts look at. */
export function seen(observation: Observation, corners: readonly number[]): Observation {
  return { ...observation, corners: floatTensor(Float32Array.from(corners), [corners.length]) };
}
