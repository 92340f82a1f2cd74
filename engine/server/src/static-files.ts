// Files of one folder over HTTP: the console page.
import { createReadStream } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { extname, join, sep } from "node:path";
import { pipeline } from "node:stream/promises";

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".map": "application/json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".wasm": "application/wasm",
  ".txt": "text/plain; charset=utf-8",
  ".woff2": "font/woff2",
};

/** Sends the file that `pathname` (as in a URL, encoded) names in `dir`; false where there is none. */
export async function sendFile(dir: string, pathname: string, response: ServerResponse): Promise<boolean> {
  const file = await findFile(dir, pathname);
  if (!file) return false;
  response.writeHead(200, {
    "content-type": CONTENT_TYPES[extname(file.path)] ?? "application/octet-stream",
    "content-length": file.bytes,
    "cache-control": "no-cache",
  });
  if (response.req.method === "HEAD") response.end();
  else await pipeline(createReadStream(file.path, { start: 0, end: Math.max(0, file.bytes - 1) }), response);
  return true;
}

async function findFile(dir: string, pathname: string): Promise<{ path: string; bytes: number } | undefined> {
  try {
    const name = decodeURIComponent(pathname);
    const root = await realpath(dir);
    // The real path, so that neither ".." nor a link leads out of the folder.
    const path = await realpath(join(root, name.endsWith("/") ? `${name}index.html` : name));
    const entry = await stat(path);
    return path.startsWith(root + sep) && entry.isFile() ? { path, bytes: entry.size } : undefined;
  } catch (error) {
    if (error instanceof URIError || isNoFile(error)) return undefined;
    throw error;
  }
}

const NO_FILE: readonly unknown[] = ["ENOENT", "ENOTDIR", "ENAMETOOLONG", "ELOOP", "EACCES", "ERR_INVALID_ARG_VALUE"];

function isNoFile(error: unknown): boolean {
  return error instanceof Error && "code" in error && NO_FILE.includes(error.code);
}
