// The token of a server, as a client brings it: browsers can't set headers of a WebSocket, so it is a subprotocol offered.
import { tokenProtocol } from "@worldstep/protocols";
import type { WebSocketConstructor } from "./socket.js";

/** `WebSocket`, whose sockets bring `token`. Throws `OptionError` (`option_token`). */
export function withToken(WebSocket: WebSocketConstructor, token: string): WebSocketConstructor {
  const offered = tokenProtocol(token);
  return class extends WebSocket {
    constructor(url: string, protocols: string[], options?: object) {
      super(url, [...protocols, offered], options);
    }
  };
}
