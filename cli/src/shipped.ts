// Where the files are that come with the command: in the repository, or in the packages beside it where npm installed it.
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** The id of the world that ships, by which the engine finds its folder. */
export const SHIPPED_WORLD = "tabletop-nano";

/** The folder of the console page, relative to the working folder; in the repository `npm run build` makes it. */
export const CONSOLE = inPackage("@worldstep/console", "dist");

/** Absolute path of a file of the repository, which is not there where the command was installed from its packages. */
export function inRepository(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}

function inPackage(name: string, path: string): string {
  const folder = dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
  return relative(".", join(folder, path)) || ".";
}
