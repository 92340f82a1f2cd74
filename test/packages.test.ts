// Each package as npm would publish it: its exports map, its types, and the names that it exports.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { describe, expect, it } from "vitest";

const FOLDERS = ["protocols", "kernels", "sdk", "engine", "engine/server", "domains/tabletop", "judge", "cli"];
/** Packages of files alone. */
const FILES = ["worlds", "examples/console"];

describe.each([...FOLDERS, ...FILES])("%s", (folder) => {
  it("has an exports map that publint accepts", async () => {
    const { messages, pkg } = await publint({ pkgDir: folder, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
  });

  it("has the license of the repository, and says so", () => {
    const { license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { license: string };
    expect(license).toBe("MIT");
    expect(readFileSync(join(folder, "LICENSE"), "utf8")).toBe(readFileSync("LICENSE", "utf8"));
  });
});

describe.each(FOLDERS)("%s", (folder) => {
  it("has types that attw accepts", { timeout: 120_000 }, () => {
    const out = mkdtempSync(join(tmpdir(), "worldstep-pack-"));
    try {
      const packed = execFileSync(
        "npm",
        ["pack", "--json", "--ignore-scripts", "--pack-destination", out, `./${folder}`],
        {
          encoding: "utf8",
          stdio: ["ignore", "pipe", "ignore"],
        },
      );
      const { filename } = (JSON.parse(packed) as { filename: string }[])[0] as { filename: string };
      // Node 16's CommonJS can't load ES modules: that is meant.
      const attw = join("node_modules", ".bin", "attw");
      execFileSync(attw, [join(out, filename), "--profile", "esm-only", "--entrypoints", ".", "--format", "ascii"], {
        encoding: "utf8",
      });
    } finally {
      rmSync(out, { recursive: true });
    }
  });

  it("exports these names", async () => {
    const { name } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { name: string };
    expect(Object.keys(await import(name)).sort()).toMatchSnapshot();
  });
});
