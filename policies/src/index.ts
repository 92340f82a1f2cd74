export {
  beginEvolution,
  type EvolutionSettings,
  type EvolutionState,
  type Generation,
  nextGeneration,
} from "./evolution.js";
export { actEvolved, evolvedPolicy, weightCount } from "./evolved.js";
export { type PolicyEntry, type PolicyFolder, readPolicies } from "./folder.js";
export { learnedPolicy } from "./learned.js";
export { newestFrame, type Policy } from "./policy.js";
export { type PolicyServer, type PolicyServerOptions, type PolicySpaces, servePolicy } from "./policy-server.js";
export { remotePolicy } from "./remote.js";
export { type Reading, Ruler } from "./ruler.js";
export { blindly, scriptedPolicy } from "./scripted.js";
export { openProbe, TABLETOP } from "./tabletop.js";
