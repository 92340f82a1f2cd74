export { type OpenWorld, type OpenWorldOptions, openWorld } from "./open-world.js";
export { DEFAULT_LIMITS } from "./server/limits.js";
export { type RunningServer, type ServeOptions, serve } from "./server/server.js";
export type { HostedWorld } from "./server/session-table.js";
export type { WorldManifest } from "./world-schema.js";
