// Paths of what lies beside this package in the repository.
import { relative } from "node:path";
import { fileURLToPath } from "node:url";

/** The world that ships, relative to the working folder. */
export const SHIPPED_WORLD = relative(".", inRepository("worlds/tabletop-nano")) || ".";

/** Absolute path of a file of the repository. */
export function inRepository(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}
