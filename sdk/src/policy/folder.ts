// A folder of policies: policies.json says what there is, beside it lie the networks. What kinds there are, and how one is
// opened, a domain says.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type EnvSpec, OptionError } from "@worldstep/protocols";
import type { Policy } from "./policy.js";

/** What a policies.json says of one policy; a domain adds what its kinds need. */
export interface PolicyEntry {
  readonly name: string;
  /** Which tasks it is for; absent for all. */
  readonly tasks?: readonly string[] | undefined;
}

/** The policies of a folder for tasks `T`; `P` is the probe that they may look through. */
export interface PolicyFolder<P = unknown, E extends PolicyEntry = PolicyEntry, T extends string = string> {
  /** SHA-256 of policies.json and the files that it names, in hex. */
  readonly hash: string;
  readonly policies: readonly E[];
  /** Opens one of `policies` for `task` on worlds of `spec`. */
  open(entry: E, task: T, spec: EnvSpec, probe: P): Promise<Policy>;
}

/** What a policies.json may hold. */
export interface PolicyFormat<E extends PolicyEntry> {
  /** Of the whole file, as Zod writes it. */
  readonly schema: Schema<{ readonly policies: readonly E[] }>;
  /** The files of the folder that `entry` names. */
  files(entry: E): readonly string[];
}

/** What of a Zod schema is asked here. */
interface Schema<T> {
  safeParse(json: unknown): { readonly data?: T; readonly error?: { readonly issues: readonly Issue[] } };
}

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** What is in the folder `path`, and its hash. Throws `OptionError`: `policies_missing`, `policies_invalid`, `network_missing`. */
export async function readPolicyFolder<E extends PolicyEntry>(
  path: string,
  format: PolicyFormat<E>,
): Promise<{ readonly hash: string; readonly policies: readonly E[] }> {
  const file = join(path, "policies.json");
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    const remedy = "give a folder with a policies.json, such as domains/tabletop/policies";
    throw new OptionError("policies_missing", `${file} can't be read`, remedy, { file }, { cause: error });
  });
  const { data, error } = format.schema.safeParse(parseJson(text, file));
  if (data === undefined) throw invalid(file, told(error?.issues[0]));
  const { policies } = data;
  if (new Set(policies.map(({ name }) => name)).size < policies.length) {
    throw invalid(file, "two policies have the same name");
  }
  const hash = createHash("sha256").update(text);
  for (const name of policies.flatMap((entry) => format.files(entry))) hash.update(await bytesOf(join(path, name)));
  return { hash: hash.digest("hex"), policies };
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

function told(issue: Issue | undefined): string {
  return `${issue?.path.join(".")}: ${issue?.message}`;
}

function invalid(file: string, why: string): OptionError {
  return new OptionError("policies_invalid", `${file}: ${why}`, "see docs/judge.md for what it may hold", { file });
}
