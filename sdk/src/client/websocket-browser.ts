// The WebSocket of browsers, and of every runtime that has one.
import type { WebSocketConstructor } from "./socket.js";

export const WebSocket: WebSocketConstructor = globalThis.WebSocket;

/** A page has no environment. */
export function tokenOfEnvironment(): string | undefined {
  return undefined;
}
