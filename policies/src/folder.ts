// A folder of policies: policies.json says what there is, beside it lie the networks.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type EnvSpec, OptionError } from "@worldstep/protocols";
import { blindPolicy, SCORED_TASKS, type ScoredTask, taskPolicy } from "@worldstep/simulator";
import { z } from "zod";
import { learnedPolicy } from "./learned.js";
import type { Policy } from "./policy.js";
import { remotePolicy } from "./remote.js";
import type { Ruler } from "./ruler.js";
import { blindly, scriptedPolicy } from "./scripted.js";

const named = {
  name: z.string().min(1).max(100),
  /** Which tasks it is for; default all. */
  tasks: z.array(z.enum(SCORED_TASKS)).min(1).optional(),
};
const entry = z.discriminatedUnion("kind", [
  /** The task's script, made worse by `skill`, looking through the ruler. */
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
const folderSchema = z
  .strictObject({ policies: z.array(entry).min(1) })
  .refine(({ policies }) => new Set(policies.map(({ name }) => name)).size === policies.length, {
    message: "two policies have the same name",
  });

export type PolicyEntry = Readonly<z.infer<typeof entry>>;

/** A folder of policies that was read. */
export interface PolicyFolder {
  /** SHA-256 of policies.json and the networks that it names, in hex. */
  readonly hash: string;
  readonly policies: readonly PolicyEntry[];
  /** Opens one for `task` on worlds of `spec`; scripts look through `ruler`. */
  open(entry: PolicyEntry, task: ScoredTask, spec: EnvSpec, ruler: Ruler): Promise<Policy>;
}

/** The folder at `path`. Throws `OptionError`: `policies_missing`, `policies_invalid`. */
export async function readPolicies(path: string): Promise<PolicyFolder> {
  const file = join(path, "policies.json");
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    const remedy = "give a folder with a policies.json, such as policies/tabletop";
    throw new OptionError("policies_missing", `${file} can't be read`, remedy, { file }, { cause: error });
  });
  const parsed = folderSchema.safeParse(parseJson(text, file));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw invalid(file, `${issue?.path.join(".")}: ${issue?.message}`);
  }
  return {
    hash: await hashOf(path, text, parsed.data.policies),
    policies: parsed.data.policies,
    open: async (policy, task, spec, ruler) => {
      if (policy.kind === "script")
        return scriptedPolicy(ruler, (seed) => taskPolicy(task, seed, policy.skill as object));
      if (policy.kind === "random") return blindly(blindPolicy);
      if (policy.kind === "onnx") return learnedPolicy(join(path, policy.file), spec, task, ruler);
      return remotePolicy(policy.url, spec, policy.dialect === undefined ? {} : { dialect: policy.dialect });
    },
  };
}

async function hashOf(path: string, text: string, policies: readonly PolicyEntry[]): Promise<string> {
  const hash = createHash("sha256").update(text);
  for (const policy of policies) if (policy.kind === "onnx") hash.update(await bytesOf(join(path, policy.file)));
  return hash.digest("hex");
}

/** Throws `OptionError` (`network_missing`). */
function bytesOf(file: string): Promise<Uint8Array> {
  return readFile(file).catch((error: unknown) => {
    throw new OptionError(
      "network_missing",
      `${file} can't be read`,
      "put it there, or take it out",
      { file },
      { cause: error },
    );
  });
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(file, String(error));
  }
}

function invalid(file: string, why: string): OptionError {
  return new OptionError("policies_invalid", `${file}: ${why}`, "see docs/judge.md for what it may hold", { file });
}
