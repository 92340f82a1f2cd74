export { DEFAULT_LIMITS } from "./limits.js";
export { type RunningServer, type ServeOptions, serve } from "./server.js";
export type { HostedWorld } from "./session-table.js";
