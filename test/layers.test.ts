// The arrows between folders go one way, and no import runs in a circle: imports of types among them.
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseCircular, parseDependencyTree } from "dpdm";
import { describe, expect, it } from "vitest";

/** What each folder's sources may import of this repository. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  protocols: [],
  kernels: [],
  engine: ["@worldstep/protocols", "@worldstep/kernels", "@worldstep/kernels/reference"],
  "engine/server": ["@worldstep/protocols"],
  sdk: ["@worldstep/protocols"],
  judge: ["@worldstep/protocols", "@worldstep/sdk", "@worldstep/sdk/policies"],
  "domains/tabletop": ["@worldstep/protocols", "@worldstep/sdk", "@worldstep/sdk/policies"],
  // What a domain brings to the judge is made of the judge's studies and parts.
  "domains/tabletop/src/domain": [
    "@worldstep/protocols",
    "@worldstep/sdk",
    "@worldstep/sdk/policies",
    "@worldstep/judge/kit",
  ],
  "domains/pusht": ["@worldstep/protocols", "@worldstep/sdk", "@worldstep/sdk/policies", "@worldstep/judge/kit"],
  cli: [
    "@worldstep/protocols",
    "@worldstep/sdk",
    "@worldstep/sdk/policies",
    "@worldstep/engine",
    "@worldstep/server",
    "@worldstep/tabletop",
    "@worldstep/judge",
  ],
  "examples/policy-training": [
    "@worldstep/protocols",
    "@worldstep/sdk",
    "@worldstep/engine",
    "@worldstep/tabletop",
    "@worldstep/judge",
    "worldstep/command-line",
  ],
  "examples/planning": [
    "@worldstep/protocols",
    "@worldstep/sdk",
    "@worldstep/engine",
    "@worldstep/tabletop",
    "@worldstep/judge",
    "worldstep/command-line",
  ],
  "examples/console": ["@worldstep/protocols", "@worldstep/sdk", "@worldstep/tabletop/scripts"],
};

const PACKAGES = Object.values(MAY_IMPORT).flat().concat("worldstep");
/** Those with a list of their own inside another's. */
const INNER = Object.keys(MAY_IMPORT).filter((folder) => folder.includes("/src/"));

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => join(folder, file));
}

describe.each(Object.entries(MAY_IMPORT))("%s", (folder, allowed) => {
  const isInner = INNER.includes(folder);
  const files = sources(isInner ? folder : join(folder, "src"));

  it("imports only what its place allows", () => {
    expect(files.length).toBeGreaterThan(0);
    const own = files.filter((name) => isInner || !INNER.some((inner) => name.startsWith(`${inner}/`)));
    for (const file of own.filter((name) => !name.endsWith(".test.ts"))) {
      const imports = readFileSync(file, "utf8").matchAll(
        /^\s*(?:import|export)\s[^;]*?from\s+"([^"]+)"|import\("([^"]+)"\)/gm,
      );
      for (const [, named, dynamic] of imports) {
        const target = named ?? dynamic ?? "";
        const isOurs = PACKAGES.some((name) => target === name || target.startsWith(`${name}/`));
        expect(!isOurs || allowed.includes(target), `${file} imports ${target}`).toBe(true);
        const inner = INNER.filter((one) => !isInner && join(dirname(file), target).startsWith(`${one}/`));
        expect(inner, `${file} imports ${target}`).toEqual([]);
        expect(target, `${file} reaches into another package`).not.toMatch(
          /^(\.\.\/){2,}(protocols|kernels|sdk|engine|domains|judge|cli)\//,
        );
      }
    }
  });

  it("has no import cycle", async () => {
    expect(await cycles(files)).toEqual([]);
  });
});

/** What alone of the engine, and of what it imports, can't be in a page: worlds in folders, and a native library. */
const NODES = [
  "engine/src/world/folder.ts",
  "engine/src/backends/ort/",
  "engine/src/open-world.ts",
  "engine/src/index.ts",
];

it("what loads and steps a world is free of Node, but for folders and ONNX Runtime", () => {
  const files = ["protocols", "kernels", "engine"]
    .flatMap((folder) => sources(`${folder}/src`))
    .filter((file) => !file.endsWith(".test.ts") && !NODES.some((one) => file.startsWith(one)));
  expect(files).toContain("engine/src/dreamed-env.ts");
  const imports = (file: string) =>
    [...readFileSync(file, "utf8").matchAll(/(?:from|import)[ (]"([^"]+)"/g)].map(([, target]) => target as string);
  const nodes = (file: string, target: string) =>
    target.startsWith("node:") ||
    target === "onnxruntime-node" ||
    NODES.some((one) => join(dirname(file), target).replace(/js$/, "ts").startsWith(one));
  const wrong = files.flatMap((file) =>
    imports(file).flatMap((target) => (nodes(file, target) ? [`${file} imports ${target}`] : [])),
  );
  expect(wrong).toEqual([]);
});

it("an import of a type makes a cycle too", async () => {
  const folder = await mkdtemp(join(tmpdir(), "worldstep-layers-"));
  try {
    const files = ["one", "other"].map((name) => join(folder, `${name}.ts`));
    await writeFile(files[0] as string, 'import type { Other } from "./other.js";\nexport type One = Other[];\n');
    await writeFile(files[1] as string, 'import type { One } from "./one.js";\nexport type Other = One | 1;\n');
    expect(await cycles(files)).toHaveLength(1);
  } finally {
    await rm(folder, { recursive: true });
  }
});

async function cycles(files: readonly string[]): Promise<string[][]> {
  const tree = await parseDependencyTree([...files], {
    context: process.cwd(),
    transform: false, // as it stands: compiled, it has lost its imports of types
    skipDynamicImports: false,
  });
  expect(Object.keys(tree).length).toBeGreaterThan(1);
  return parseCircular(tree);
}
