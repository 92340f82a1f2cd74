// Every error code that the sources can raise is explained in docs/errors.md.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

it("docs/errors.md has every code", () => {
  const docs = readFileSync("docs/errors.md", "utf8");
  const missing = new Set<string>();
  for (const folder of ["protocols", "sdk", "engine", "simulator", "policies", "judge", "cli"]) {
    for (const file of sources(`${folder}/src`)) {
      for (const [, code] of readFileSync(file, "utf8").matchAll(/new \w+Error\(\s*"([a-z]+(?:_[a-z]+)+)"/g)) {
        if (!docs.includes(`\`${code}\``)) missing.add(`${code} (${file})`);
      }
    }
  }
  expect([...missing]).toEqual([]);
});

function sources(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return files.filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts")).map((file) => join(folder, file));
}
