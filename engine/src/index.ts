export { type OpenWorld, type OpenWorldOptions, openWorld } from "./open-world.js";
export { worldFolder } from "./world/folder.js";
export type { WorldManifest } from "./world/schema.js";
