// Where results go, looked at before the work that makes them.
import { mkdir, mkdtemp, open, rmdir, stat } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { OptionError } from "@worldstep/protocols";

/** Makes the folder at `path` if it is absent. Throws `OptionError` (`option_out`) where it can't be, or can't be written to. */
export async function readyFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
    await rmdir(await mkdtemp(join(path, ".worldstep-"))); // permissions alone do not tell: a disk may be read-only
  } catch (error) {
    throw refused(path, error);
  }
}

/** Makes the folder for files `PREFIX.EXTENSION`, and looks whether they can be written. Throws `OptionError` (`option_out`). */
export async function readyFiles(prefix: string, extensions: readonly string[]): Promise<void> {
  const isFolder = prefix.endsWith(sep) || prefix.endsWith("/") || (await isThere(prefix))?.isDirectory();
  if (isFolder) {
    const remedy = `give the files a name in it, such as ${join(prefix, "rollout")}`;
    throw new OptionError("option_out", `${prefix} is a folder`, remedy, { path: prefix });
  }
  await readyFolder(dirname(prefix));
  for (const path of extensions.map((extension) => prefix + extension)) await readyFile(path);
}

/** Looks whether the file at `path` can be written, if it is there. Throws `OptionError` (`option_out`). */
export async function readyFile(path: string): Promise<void> {
  if ((await isThere(path)) === undefined) return;
  try {
    await (await open(path, "r+")).close();
  } catch (error) {
    throw refused(path, error);
  }
}

function isThere(path: string) {
  return stat(path).catch(() => undefined);
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "this user may not",
  EPERM: "this user may not",
  EROFS: "its disk is read-only",
  EEXIST: "it is a file",
  ENOTDIR: "a part of its path is a file",
  EISDIR: "it is a folder",
  ENOSPC: "its disk is full",
};

function refused(path: string, error: unknown): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
  if (code === undefined) return error;
  const reason = REASONS[code] ?? code;
  return new OptionError("option_out", `can't write to ${path}: ${reason}`, "give another --out", { path });
}
