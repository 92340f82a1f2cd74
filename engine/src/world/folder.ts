// Worlds in folders, or, by their ids, in the package of worlds. Of what loads a world this alone needs Node.
import { createHash } from "node:crypto";
import { existsSync, realpathSync } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { WorldFileError } from "@worldstep/protocols";
import { type Source, type SourceFile, truncated } from "./source.js";

const require = createRequire(import.meta.url);
const ID = /^\w[\w-]*$/;

/** The folder of the world that `path` names: a folder with a world comes before an id. A path that names nothing is given back. */
export function worldFolder(path: string): string {
  if (!ID.test(path) || existsSync(join(path, "world.json"))) return path;
  const program = process.argv[1];
  const besides = [
    process.cwd(),
    ...(program && existsSync(program) ? [dirname(realpathSync(program))] : []),
    dirname(fileURLToPath(import.meta.url)),
  ];
  try {
    return dirname(require.resolve(`@worldstep/worlds/${path}/world.json`, { paths: besides }));
  } catch {
    return path; // whoever reads it says what is missing
  }
}

/** The files of a folder. */
export class FolderSource implements Source {
  constructor(readonly folder: string) {}

  async open(name: string): Promise<SourceFile> {
    const path = join(this.folder, name);
    const file = await open(path).catch((error: unknown) => throwMissing(error, path));
    return new FolderFile(path, file, (await file.stat()).size);
  }
}

class FolderFile implements SourceFile {
  constructor(
    readonly path: string,
    private readonly file: FileHandle,
    readonly size: number,
  ) {}

  async sha256(): Promise<string> {
    const hash = createHash("sha256");
    for await (const chunk of this.file.createReadStream({ start: 0, autoClose: false })) hash.update(chunk as Buffer);
    return hash.digest("hex");
  }

  async take(from: number, to: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(to - from);
    let done = 0;
    while (done < bytes.length) {
      const { bytesRead } = await this.file.read(bytes, done, bytes.length - done, from + done);
      if (bytesRead === 0) throw truncated(this.path, from + done, to);
      done += bytesRead;
    }
    return bytes;
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

async function throwMissing(error: unknown, file: string): Promise<never> {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
  const folder = resolve(dirname(file));
  const isFolder = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const [what, remedy] = isFolder
    ? [`there is no file ${file}`, "copy the whole folder of the world"]
    : [`there is no folder ${folder}`, "give the path of a folder with a world.json"];
  throw new WorldFileError("world_missing_file", what, remedy, { file });
}
