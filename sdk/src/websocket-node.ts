// The WebSocket of Node, which has none of its own before version 22. Browsers get websocket-browser.ts instead, by the
// `browser` condition of package.json's imports.
import { WebSocket as NodeWebSocket } from "ws";
import type { WebSocketConstructor } from "./socket.js";

export const WebSocket: WebSocketConstructor = NodeWebSocket;

/** The token that the environment gives. */
export function tokenOfEnvironment(): string | undefined {
  return process.env.WORLDSTEP_TOKEN || undefined;
}
