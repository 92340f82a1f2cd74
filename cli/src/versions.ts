// Which versions of what take part.
import { readFileSync } from "node:fs";

/** Version of this command. */
export function ownVersion(): string {
  return versionIn(new URL("../package.json", import.meta.url));
}

/** Version of a package that this one depends on. Throws where it is not installed. */
export function versionOf(name: string): string {
  return versionIn(new URL(import.meta.resolve(`${name}/package.json`)));
}

function versionIn(manifest: URL): string {
  return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
}
