// What a policies.json of the tabletop may hold, and how each kind is opened.
import { join } from "node:path";
import { type Policy, remotePolicy } from "@worldstep/sdk";
import { type PolicyFolder, readPolicyFolder } from "@worldstep/sdk/policies";
import { z } from "zod";
import type { Eyes } from "../probe.js";
import { blindPolicy, taskPolicy } from "../simulator/policies.js";
import { SCORED_TASKS, type ScoredTask } from "../simulator/tasks.js";
import { learnedPolicy } from "./learned.js";
import { blindly, scriptedPolicy } from "./scripted.js";

const named = {
  name: z.string().min(1).max(100),
  /** Which tasks it is for; default all. */
  tasks: z.array(z.enum(SCORED_TASKS)).min(1).optional(),
};
const entry = z.discriminatedUnion("kind", [
  /** The task's script, made worse by `skill`, looking through the probe. */
  z.strictObject({
    ...named,
    kind: z.literal("script"),
    skill: z
      .strictObject({
        noise: z.number().min(0).optional(),
        delay: z.number().int().min(0).optional(),
        speed: z.number().gt(0).max(1).optional(),
        bias: z.number().optional(),
        drop: z.number().min(0).optional(),
        wrongGoal: z.boolean().optional(),
      })
      .default({}),
  }),
  z.strictObject({ ...named, kind: z.literal("random") }),
  /** See `learnedPolicy`; `file` lies in the folder. */
  z.strictObject({ ...named, kind: z.literal("onnx"), file: z.string().min(1) }),
  z.strictObject({
    ...named,
    kind: z.literal("openpi"),
    url: z.string().min(1),
    dialect: z.enum(["openpi", "roboarena", "vllm-omni"]).optional(),
  }),
]);
const schema = z.strictObject({ policies: z.array(entry).min(1) });

export type TabletopEntry = Readonly<z.infer<typeof entry>>;
/** Its scripts look through the probe. */
export type TabletopPolicies = PolicyFolder<Eyes, TabletopEntry, ScoredTask>;

/** The folder at `path`. Throws what `readPolicyFolder` throws. */
export async function readPolicies(path: string): Promise<TabletopPolicies> {
  const { hash, policies } = await readPolicyFolder(path, {
    schema,
    files: (policy) => (policy.kind === "onnx" ? [policy.file] : []),
  });
  return {
    hash,
    policies,
    open: async (policy, task, spec, probe): Promise<Policy> => {
      if (policy.kind === "script")
        return scriptedPolicy(probe, (seed) => taskPolicy(task, seed, policy.skill as object));
      if (policy.kind === "random") return blindly(blindPolicy);
      if (policy.kind === "onnx") return learnedPolicy(join(path, policy.file), spec, task, probe);
      return remotePolicy(policy.url, spec, policy.dialect === undefined ? {} : { dialect: policy.dialect });
    },
  };
}
