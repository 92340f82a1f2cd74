// What a newcomer does: packs the packages, installs them in a folder of their own, serves a world and runs the README's
// program. The packages come from `npm pack`, and what they need from a registry on loopback.
import { type ChildProcessWithoutNullStreams, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { serveRegistry } from "./fixtures/registry.js";

const run = promisify(execFile);
const README = await readFile("README.md", "utf8");
const TUTORIAL = await readFile("docs/tutorial.md", "utf8");
const { scripts } = JSON.parse(await readFile("package.json", "utf8")) as { scripts: { pack: string } };
/** The folders that `npm run pack` packs. */
const PACKED = [...scripts.pack.matchAll(/-w (\S+)/g)].map(([, name = ""]) => name);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "newcomer-"));
  await mkdir(join(folder, "packages"));
  const workspaces = PACKED.flatMap((name) => ["-w", name]);
  await run("npm", ["pack", "--pack-destination", join(folder, "packages"), ...workspaces]);
  const packages = (await readdir(join(folder, "packages"))).map((name) => join(folder, "packages", name));
  const [, options = ""] = /npm install (--.*?) \S+\.tgz/.exec(README) ?? [];
  const registry = await serveRegistry(process.cwd());
  try {
    // The settings that this process has from npm, such as the repository's .npmrc, are not the newcomer's.
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
    const settings = [
      "--registry",
      registry.url,
      "--noproxy",
      "127.0.0.1",
      "--cache",
      join(folder, "cache"),
      "--no-audit",
      "--no-fund",
    ];
    await run("npm", ["install", ...options.split(" "), ...settings, ...packages], { cwd: folder, env });
  } finally {
    registry.close();
  }
}, 120_000);
afterAll(() => rm(folder, { recursive: true }));

function worldstep(...args: readonly string[]) {
  return spawn(join(folder, "node_modules", ".bin", "worldstep"), args, { cwd: folder });
}

function linesOf({ stdout }: ChildProcessWithoutNullStreams): AsyncIterator<string> {
  return createInterface({ input: stdout })[Symbol.asyncIterator]();
}

/** The program that a document shows. */
function programIn(document: string): string {
  return /```ts\n([\s\S]*?)```/.exec(document)?.[1] ?? "";
}

it("fetches no CUDA libraries", async () => {
  const files = await readdir(join(folder, "node_modules", "onnxruntime-node", "bin"), { recursive: true });
  expect(files.filter((file) => /cuda|tensorrt/i.test(file))).toEqual([]);
});

it("every package says all that it imports", async () => {
  const manifests = PACKED.map(async (path) => JSON.parse(await readFile(join(path, "package.json"), "utf8")));
  const names = (await Promise.all(manifests)).filter(({ exports }) => "." in exports).map(({ name }) => name);
  expect(names).toContain("worldstep");
  const program = `for (const name of ${JSON.stringify(names)}) await import(name); process.exit();`;
  await run(process.execPath, ["--input-type=module", "-e", program], { cwd: folder });
});

it("serve without options: the world that ships, the simulator, the page; and the README's program beside it", async () => {
  const server = worldstep("serve", "--port", "0");
  const lines = linesOf(server);
  const line = async () => ((await lines.next()).value as string).split(/ {2,}/)[1] as string;
  const [websocket, worlds, page] = [await line(), await line(), await line()];
  expect(worlds).toBe("tabletop-nano, tabletop-mujoco");
  expect(await (await fetch(page)).text()).toContain("<title>worldstep");
  expect((await fetch(new URL("main.js", page))).status).toBe(200);

  for (const id of ["tabletop-nano", "tabletop-mujoco"]) {
    const text = programIn(README)
      .replace("ws://127.0.0.1:8777", websocket)
      .replace('open("tabletop-nano")', `open("${id}")`);
    await writeFile(join(folder, "random.mjs"), text);
    const { stdout } = await run(process.execPath, ["random.mjs"], { cwd: folder, timeout: 30_000 }); // it ends by itself
    expect(stdout).toMatch(/^\d+ ticks, return -?\d+\.\d\d\n$/);
  }
  server.kill("SIGINT");
  expect(await once(server, "exit")).toEqual([0, null]);
});

it("the tutorial's program ranks policies that the command serves", async () => {
  const servers = [worldstep("serve", "--port", "0", "--no-simulator", "--no-console")];
  for (const name of ["expert", "off 4 cm"]) {
    servers.push(worldstep("policy", "--name", name, "--task", "reach", "--port", "0"));
  }
  const urls = await Promise.all(
    servers.map(async (server) => (await linesOf(server).next()).value?.split(/ {2,}/)[1]),
  );
  const addresses = ["ws://127.0.0.1:8777", "ws://127.0.0.1:8000", "ws://127.0.0.1:8001"];
  const program = addresses.reduce((text, address, i) => text.replace(address, urls[i] ?? ""), programIn(TUTORIAL));
  await writeFile(join(folder, "rank.mjs"), program.replace("episodes = 20", "episodes = 2"));
  const { stdout } = await run(process.execPath, ["rank.mjs"], { cwd: folder, timeout: 60_000 });
  expect(stdout).toMatch(/^expert: [12] of 2\noff 4 cm: [0-2] of 2\n$/);
  for (const server of servers) server.kill("SIGINT");
  await Promise.all(servers.map((server) => once(server, "exit")));
});

it("both programs are TypeScript too", async () => {
  await writeFile(join(folder, "random.mts"), programIn(README));
  await writeFile(join(folder, "rank.mts"), programIn(TUTORIAL));
  const tsc = join(process.cwd(), "node_modules", ".bin", "tsc");
  const options = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext"];
  await run(tsc, [...options, "random.mts", "rank.mts"], { cwd: folder });
});

it("a world in the newcomer's own process", async () => {
  const program = `
    import { load } from "@worldstep/sdk";
    const world = await load("tabletop-nano");
    const env = await world.open();
    await env.reset({ seed: 1 });
    console.log((await env.step(new Float32Array(20))).info.tick);
    await world.close();`;
  await writeFile(join(folder, "load.mjs"), program);
  expect((await run(process.execPath, ["load.mjs"], { cwd: folder, timeout: 30_000 })).stdout).toBe("1\n");
});
