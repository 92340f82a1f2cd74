// What of policies needs Node: serving one, and reading a folder of them.
export { type PolicyEntry, type PolicyFolder, type PolicyFormat, readPolicyFolder } from "./policy/folder.js";
export {
  type PolicyServer,
  type PolicyServerOptions,
  type PolicySpaces,
  servePolicy,
} from "./policy/policy-server.js";
