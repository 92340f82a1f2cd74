// Where a world is: a folder, or, by its id, one that ships in the package of worlds.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const ID = /^\w[\w-]*$/;

/** The folder of the world that `path` names: a folder comes before an id. A path that names nothing is given back. */
export function worldFolder(path: string): string {
  if (!ID.test(path) || existsSync(path)) return path;
  try {
    // Beside the program, or beside the engine.
    return dirname(
      require.resolve(`@worldstep/worlds/${path}/world.json`, {
        paths: [process.cwd(), dirname(fileURLToPath(import.meta.url))],
      }),
    );
  } catch {
    return path; // whoever reads it says what is missing
  }
}
