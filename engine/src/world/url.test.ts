// A world that is served by whatever serves files, well or badly, is the world of the folder, or is refused by a code.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createContext, runInContext } from "node:vm";
import { WorldFileError } from "@worldstep/protocols";
import { build } from "esbuild";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TINY_WORLD } from "../../../test/fixtures/worlds.js";
import { openWorld } from "../open-world.js";
import { FolderSource } from "./folder.js";
import { UrlSource } from "./url.js";
import { loadWorld, type World } from "./world.js";

type Answer = (response: ServerResponse, bytes: Buffer) => void;

let server: Server;
let url: string;
/** What is answered for a file in place of its bytes. */
let answers: Record<string, Answer>;

beforeEach(async () => {
  answers = {};
  server = createServer(async (request, response) => {
    const name = request.url?.replace(/^\/worlds\/tiny\//, "") ?? "";
    const bytes = await readFile(join(TINY_WORLD, name)).catch(() => undefined);
    const answer = answers[name];
    if (answer) return answer(response, bytes ?? Buffer.alloc(0));
    if (!bytes) return response.writeHead(404).end("no such file");
    return response.end(bytes);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/worlds/tiny`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

async function expectRefusal(code: string, name: string, facts: object = {}): Promise<WorldFileError> {
  const error = await loadWorld(new UrlSource(url)).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(WorldFileError);
  expect(error).toMatchObject({ code, facts: { file: `${url}/${name}`, ...facts } });
  return error as WorldFileError;
}

// All of a world, its numbers by their hashes: comparing them one by one takes seconds.
function bitsOf({ tokenizer, dynamics, uncertainty, starts, ...rest }: World) {
  const hashOf = ({ buffer }: Uint8Array | Float32Array) =>
    createHash("sha256").update(new Uint8Array(buffer)).digest("hex");
  const weights = [tokenizer, dynamics, uncertainty ?? new Map()].map((part) =>
    [...part].map(([name, { shape, data }]) => [name, shape, hashOf(data)]),
  );
  const states = [...starts].map(([name, start]) => [name, hashOf(start.frames), hashOf(start.proprioception)]);
  return { ...rest, weights, states };
}

it("is the world of the folder, with a slash or without", async () => {
  const expected = await loadWorld(new FolderSource(TINY_WORLD));
  for (const given of [url, `${url}/`]) expect(bitsOf(await loadWorld(new UrlSource(given)))).toEqual(bitsOf(expected));
});

it("comes from where the server sends one on to", async () => {
  answers["dynamics.safetensors"] = (response) => response.writeHead(302, { location: "/dynamics.safetensors" }).end();
  expect((await loadWorld(new UrlSource(url))).manifest.id).toBe("tiny-random");
});

it("opens and steps", async () => {
  const world = await openWorld(url, { threads: 1 });
  const env = await world.open();
  const { observation } = await env.reset({ seed: 1 });
  expect(observation.frames.shape).toEqual(world.spec.observationSpace.spaces.frames?.shape);
  await world.close();
});

it("is loaded in a page, which has nothing of Node", async () => {
  const entry = `export { loadWorld } from "./world.js"; export { UrlSource } from "./url.js"; export * from "../dreamed-env.js";`;
  const { outputFiles } = await build({
    stdin: { contents: entry, resolveDir: import.meta.dirname, loader: "ts" },
    bundle: true,
    format: "iife",
    globalName: "engine",
    platform: "browser",
    conditions: ["source"],
    write: false,
  });
  const page = createContext({ fetch, URL, TextDecoder, crypto, console });
  runInContext(outputFiles[0]?.text ?? "", page);
  const load = "engine.loadWorld(new engine.UrlSource(url)).then(({ hash, dynamics }) => [hash, dynamics.size])";
  page.url = url;
  const { hash, dynamics } = await loadWorld(new FolderSource(TINY_WORLD));
  expect([...(await runInContext(load, page))]).toEqual([hash, dynamics.size]);
});

describe("is refused", () => {
  const file = "dynamics.safetensors";

  it("where there is none", async () => {
    url = url.replace("tiny", "nowhere");
    const { summary, remedy } = await expectRefusal("world_missing_file", "world.json", { status: 404 });
    expect(summary).toBe(`there is no ${url}/world.json (HTTP 404)`);
    expect(remedy).toBe("give the URL of the folder that has the world.json");
  });

  it.each(["world.json", "tokenizer.safetensors", "goldens.safetensors"])("without its %s", async (name) => {
    answers[name] = (response) => response.writeHead(404).end();
    await expectRefusal("world_missing_file", name, { status: 404 });
  });

  it("where a page stands for a file", async () => {
    answers["world.json"] = (response) => response.writeHead(302, { location: "/welcome" }).end();
    answers["/welcome"] = (response) =>
      response.setHeader("content-type", "text/html; charset=utf-8").end("<p>sign in");
    const { summary } = await expectRefusal("world_missing_file", "world.json", { status: 200 });
    expect(summary).toMatch(/gives a page \(text\/html; charset=utf-8, from http:.*\/welcome\), not a file$/);
  });

  it("where the server fails, or wants to know who asks", async () => {
    for (const status of [500, 401]) {
      answers[file] = (response) => response.writeHead(status).end("not now");
      await expectRefusal("world_unreachable", file, { status });
    }
  });

  it("where no server is", async () => {
    await new Promise((done) => server.close(done));
    const { summary } = await expectRefusal("world_unreachable", "world.json");
    expect(summary).toMatch(/ can't be fetched: .*ECONNREFUSED/);
  });

  it("where it breaks off", async () => {
    answers[file] = (response, bytes) => {
      response.writeHead(200, { "content-length": bytes.length });
      response.write(bytes.subarray(0, 1000), () => setTimeout(() => response.destroy(), 20));
    };
    await expectRefusal("world_unreachable", file, { got: 1000 });
  });

  it("where it is too short", async () => {
    answers[file] = (response, bytes) => response.end(bytes.subarray(0, 1000));
    await expectRefusal("world_file_truncated", file, { got: 1000 });
  });

  it("where a byte is another", async () => {
    answers[file] = (response, bytes) => {
      bytes[20_000] = (bytes[20_000] ?? 0) ^ 1;
      response.end(bytes);
    };
    await expectRefusal("world_hash_mismatch", file);
  });

  it("where it does not end, without waiting for it", async () => {
    answers[file] = (response, bytes) => {
      const more = (): void => {
        if (!response.destroyed) response.write(bytes, more);
      };
      more();
    };
    await expectRefusal("world_hash_mismatch", file);
    answers["world.json"] = answers[file];
    await expectRefusal("world_manifest_invalid", "world.json");
  });
});
