// Every error code that the sources can raise is explained in docs/errors.md.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const FOLDERS = [
  "protocols",
  "engine",
  "engine/server",
  "sdk",
  "judge",
  "domains/tabletop",
  "cli",
  "examples/policy-training",
];
const docs = readFileSync("docs/errors.md", "utf8");

it("docs/errors.md has every code", () => {
  const missing = new Set<string>();
  for (const folder of FOLDERS) {
    for (const file of sources(`${folder}/src`)) {
      for (const [, code] of readFileSync(file, "utf8").matchAll(
        /(?:new \w+Error|refusal)\(\s*"([a-z]+(?:_[a-z]+)+)"/g,
      )) {
        if (!docs.includes(`\`${code}\``)) missing.add(`${code} (${file})`);
      }
    }
  }
  expect([...missing]).toEqual([]);
});

it("docs/errors.md has no code that nothing raises", () => {
  const text = FOLDERS.flatMap((folder) => sources(`${folder}/src`).map((file) => readFileSync(file, "utf8"))).join("");
  const rows = [...docs.matchAll(/^\| `([a-z_]+)` +\|/gm)].map(([, code]) => code as string);
  expect(rows.length).toBeGreaterThan(50);
  expect(rows.filter((code) => !text.includes(`"${code}"`))).toEqual([]);
});

function sources(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return files.filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts")).map((file) => join(folder, file));
}
