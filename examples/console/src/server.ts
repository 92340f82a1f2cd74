// The server that the page belongs to, and what the visitor sees of the socket to it.
import { clearNotice, showLost, showState } from "./status.js";

/** The server that served this page. */
export function address(): string {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}`;
}

/** The secret in the page's address, `#token=...`; browsers don't send it anywhere. */
export function admission(): { readonly token?: string } {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  return token === null ? {} : { token };
}

/** The browser's WebSocket, whose openings and losses are shown: the connection survives them and says nothing. */
export function ShownWebSocket(): typeof WebSocket {
  let wasOpen = false;
  return class extends WebSocket {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      this.addEventListener("open", () => {
        if (wasOpen) clearNotice();
        wasOpen = true;
        showState("connected");
      });
      this.addEventListener("close", () => {
        if (!wasOpen) return;
        showState("lost");
        showLost();
      });
    }
  };
}
