// The SDK as users bundle it: for a page, without Node's parts; for Node, alone, without the engine.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { afterAll, expect, test } from "vitest";

const folder = await mkdtemp(join(tmpdir(), "worldstep-sdk-"));
afterAll(() => rm(folder, { recursive: true }));

const bundle = (platform: "browser" | "node", outfile: string) =>
  build({
    entryPoints: [join(import.meta.dirname, "../sdk/src/index.ts")],
    bundle: true,
    format: "esm",
    platform,
    conditions: ["source"],
    outfile: join(folder, outfile),
    metafile: true,
    logLevel: "silent",
  });

test("a page gets the browser's WebSocket, and nothing of Node or the engine", async () => {
  const { metafile, warnings } = await bundle("browser", "page.js");
  const inputs = Object.keys(metafile.inputs);
  expect(warnings).toEqual([]);
  expect(inputs.some((path) => path.endsWith("websocket-browser.ts"))).toBe(true);
  expect(inputs.filter((path) => /node_modules\/ws\/|engine\/|websocket-node/.test(path))).toEqual([]);
});

test("without the engine, load() says what to install", async () => {
  await bundle("node", "alone.mjs");
  const sdk = (await import(/* @vite-ignore */ pathToFileURL(join(folder, "alone.mjs")).href)) as {
    load(path: string): Promise<unknown>;
  };
  await expect(sdk.load("worlds/any")).rejects.toMatchObject({ code: "engine_missing" });
});

test("an engine that lacks a part of its own is no missing engine", async () => {
  const engine = join(folder, "lacking/node_modules/@worldstep/engine");
  await mkdir(engine, { recursive: true });
  await writeFile(
    join(engine, "package.json"),
    JSON.stringify({ name: "@worldstep/engine", type: "module", exports: "./index.js" }),
  );
  await writeFile(join(engine, "index.js"), 'import "no-such-runtime";');
  await bundle("node", "lacking/sdk.mjs");
  const sdk = (await import(/* @vite-ignore */ pathToFileURL(join(folder, "lacking/sdk.mjs")).href)) as {
    load(path: string): Promise<unknown>;
  };
  await expect(sdk.load("worlds/any")).rejects.toMatchObject({ code: "ERR_MODULE_NOT_FOUND" });
});
