// Worlds behind a URL: whatever serves the files of a folder will do. In a page or in Node, without ranges.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { WorldFileError } from "@worldstep/protocols";
import { type Source, type SourceFile, truncated } from "./source.js";

/** The files that lie below the URL of a world's folder. */
export class UrlSource implements Source {
  readonly #folder: string;

  constructor(url: string) {
    this.#folder = url.endsWith("/") ? url : `${url}/`;
  }

  async open(name: string, most: number): Promise<SourceFile> {
    const path = new URL(name, this.#folder).href;
    const response = await fetch(path).catch((error: unknown) => throwUnreachable(path, error));
    checkAnswer(path, response);
    const hash = sha256.create();
    const pieces: Uint8Array[] = [];
    let size = 0;
    try {
      // Not `for await`: bodies are no iterables in Safari. What is left when there is too much is not fetched.
      const reader = response.body?.getReader();
      for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
        pieces.push(next.value);
        hash.update(next.value);
        size += next.value.length;
        if (size > most) await reader?.cancel();
      }
    } catch (error) {
      throwUnreachable(path, error, { got: size });
    }
    return new Fetched(path, size, bytesToHex(hash.digest()), pieces);
  }
}

class Fetched implements SourceFile {
  // In order: its bytes, and how many of them nobody took yet.
  #pieces: { readonly from: number; readonly bytes: Uint8Array; left: number }[];

  constructor(
    readonly path: string,
    readonly size: number,
    private readonly hash: string,
    pieces: readonly Uint8Array[],
  ) {
    let from = 0;
    this.#pieces = pieces.map((bytes) => {
      from += bytes.length;
      return { from: from - bytes.length, bytes, left: bytes.length };
    });
  }

  async sha256(): Promise<string> {
    return this.hash;
  }

  async take(from: number, to: number): Promise<Uint8Array<ArrayBuffer>> {
    if (to > this.size) throw truncated(this.path, this.size, to);
    const taken = new Uint8Array(to - from);
    for (const piece of this.#pieces) {
      const [start, end] = [Math.max(0, from - piece.from), Math.min(piece.bytes.length, to - piece.from)];
      if (start >= end) continue;
      taken.set(piece.bytes.subarray(start, end), piece.from + start - from);
      piece.left -= end - start;
    }
    this.#pieces = this.#pieces.filter(({ left }) => left > 0);
    return taken;
  }

  async close(): Promise<void> {
    this.#pieces = [];
  }
}

function checkAnswer(path: string, { ok, status, url, headers }: Response): void {
  const remedy = "give the URL of the folder that has the world.json";
  if (status === 404 || status === 410) {
    throw new WorldFileError("world_missing_file", `there is no ${path} (HTTP ${status})`, remedy, {
      file: path,
      status,
    });
  }
  if (!ok) throwUnreachable(path, undefined, { status });
  const type = headers.get("content-type") ?? "";
  if (!/^text\/html\b/i.test(type)) return;
  // A page that says so, asks who is there, or shows an app wherever one goes.
  const what = `${path} gives a page (${type}${url === path ? "" : `, from ${url}`}), not a file`;
  throw new WorldFileError("world_missing_file", what, remedy, { file: path, status, url });
}

function throwUnreachable(file: string, cause: unknown, facts: { status?: number; got?: number } = {}): never {
  const { status, got } = facts;
  const why = status !== undefined ? ` (HTTP ${status})` : cause instanceof Error ? `: ${reasonOf(cause)}` : "";
  const what = got === undefined ? "can't be fetched" : `broke off after ${got} bytes`;
  const remedy = "look whether the server is up and lets this page or program in, then load it again";
  throw new WorldFileError("world_unreachable", `${file} ${what}${why}`, remedy, { file, ...facts }, { cause });
}

// Node's fetch says why in the cause alone.
function reasonOf({ message, cause }: Error): string {
  return cause instanceof Error ? cause.message || message : message;
}
