// Every error code that the sources can raise is in the table that docs/errors.md is written from.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ERRORS } from "@worldstep/protocols";
import { expect, it } from "vitest";

const FOLDERS = [
  "protocols",
  "engine",
  "engine/server",
  "sdk",
  "judge",
  "domains/pusht",
  "domains/tabletop",
  "cli",
  "examples/policy-training",
  "examples/planning",
];
const PYTHON = "sdk/python/worldstep";
const TABLE = "error-table.ts";
const RAISED = /(?:new (?!ResetNeeded)\w+Error|refusal|WorldstepError)\(\s*"([a-z]+(?:_[a-z]+)+)"/g;
const CODES = new Set(Object.keys(ERRORS));

it("the table has every code", () => {
  const files = [...FOLDERS.flatMap((folder) => sources(`${folder}/src`, ".ts")), ...sources(PYTHON, ".py")];
  const missing = files.flatMap((file) => {
    const codes = [...readFileSync(file, "utf8").matchAll(RAISED)].map(([, code]) => code as string);
    return codes.filter((code) => !CODES.has(code)).map((code) => `${code} (${file})`);
  });
  expect(missing).toEqual([]);
});

it("the table has no code that nothing raises", () => {
  const files = FOLDERS.flatMap((folder) => sources(`${folder}/src`, ".ts")).filter((file) => !file.endsWith(TABLE));
  const text = files.map((file) => readFileSync(file, "utf8")).join("");
  expect(CODES.size).toBeGreaterThan(50);
  expect([...CODES].filter((code) => !text.includes(`"${code}"`))).toEqual([]);
});

function sources(folder: string, ending: string): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return files.filter((file) => file.endsWith(ending) && !file.endsWith(".test.ts")).map((file) => join(folder, file));
}
