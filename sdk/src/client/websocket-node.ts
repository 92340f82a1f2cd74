// The WebSocket of Node, which has none of its own before version 22. Browsers get websocket-browser.ts instead, by the
// `browser` condition of package.json's imports.
import type { Socket } from "node:net";
import { WebSocket as NodeWebSocket } from "ws";
import type { WebSocketConstructor } from "./socket.js";

class CountingWebSocket extends NodeWebSocket {
  #socket: Socket | undefined;

  constructor(url: string, protocols: string[], options?: object) {
    super(url, protocols, options);
    this.once("upgrade", ({ socket }) => {
      this.#socket = socket;
    });
  }

  get received(): number {
    return this.#socket?.bytesRead ?? 0;
  }
}

export const WebSocket: WebSocketConstructor = CountingWebSocket;

/** The token that the environment gives. */
export function tokenOfEnvironment(): string | undefined {
  return process.env.WORLDSTEP_TOKEN || undefined;
}
