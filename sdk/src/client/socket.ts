// One WebSocket to a server, up to its hello.
import { type Codec, decodeMessage, type HelloMessage, PROTOCOL, ProtocolError } from "@worldstep/protocols";

/** The part of the WHATWG `WebSocket` that is used here; the one of `ws` has it too. */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  /** Bytes that were given to `send` and have not left yet. */
  readonly bufferedAmount: number;
  /** Bytes that came so far, parts of messages and the server's pings included, where they can be seen. */
  readonly received?: number;
  onmessage: Handler<{ readonly data: unknown }> | null;
  onclose: Handler<{ readonly code: number }> | null;
  onerror: Handler<object> | null;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number): void;
}

// A method's type, because its parameter may be any part of the event that the real WebSocket passes.
type Handler<E> = { handle(event: E): void }["handle"];

/** Its third argument is of `ws` alone; a browser leaves it out of account. */
export type WebSocketConstructor = new (url: string, protocols: string[], options?: object) => WebSocketLike;

export interface Dialled {
  readonly socket: WebSocketLike;
  readonly hello: HelloMessage;
}

const OPEN = 1;

/** By the HTTP status of the server's refusal: what it means, and what to do. */
const REFUSALS: Readonly<Record<number, readonly [summary: string, remedy: string]>> = {
  401: ["the server wants its token, and got none or another", "give the token that it was started with"],
  403: [
    "the server does not let pages of this site in (HTTP 403)",
    "start the server with --allow-origin and the site",
  ],
  421: [
    "the server does not go by that name (HTTP 421)",
    "use its IP address, or start it with --allow-origin and a site of that name, or with a --token",
  ],
  503: ["the server has too many connections (HTTP 503)", "close some, or try again later"],
};

export function isOpen({ readyState }: WebSocketLike): boolean {
  return readyState === OPEN;
}

/**
 * A socket whose server has said hello. Throws `ProtocolError` (`connection_refused`) if there is none within
 * `timeoutMs`: nobody answers, or it speaks another protocol.
 */
export function dial(
  url: string,
  codec: Codec,
  WebSocket: WebSocketConstructor,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Dialled> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, [codec.subprotocol]);
    socket.binaryType = "arraybuffer";
    const timer = setTimeout(() => refuse(`no hello within ${timeoutMs} ms`), timeoutMs);
    const aborted = () => refuse("the connection was closed");
    signal?.addEventListener("abort", aborted);

    let cause = "";
    socket.onerror = (event) => {
      // Browsers don't tell pages why a socket failed.
      cause = "message" in event ? String(event.message) : "";
    };
    socket.onclose = ({ code }) => refuse(cause === "" ? `the socket closed with code ${code}` : cause);
    socket.onmessage = ({ data }) => {
      try {
        const message = decodeMessage(codec, toBytes(data));
        if (message.type !== "hello" || message.protocol !== PROTOCOL) {
          refuse(`the server did not begin with a hello of ${PROTOCOL}`);
          return;
        }
        settle();
        resolve({ socket, hello: message });
      } catch (error) {
        refuse(`the server's hello can't be read: ${String(error)}`);
      }
    };

    function settle(): void {
      clearTimeout(timer);
      signal?.removeEventListener("abort", aborted);
      drop(socket);
    }

    function refuse(why: string): void {
      settle();
      socket.close();
      // As `ws` says it. Browsers don't tell pages the status.
      const status = Number(/^Unexpected server response: (\d+)$/.exec(why)?.[1]);
      const [summary, remedy] = REFUSALS[status] ?? [
        why,
        "check the address, the token if it has one, and that a worldstep server of this version runs there",
      ];
      const facts = { url, ...(status > 0 && { status }) };
      reject(new ProtocolError("connection_refused", `no connection to ${url}: ${summary}`, remedy, facts));
    }
  });
}

/** Listens to `socket` no more. A late error must still find a listener, or Node ends the process. */
export function drop(socket: WebSocketLike): void {
  socket.onmessage = null;
  socket.onclose = null;
  socket.onerror = () => undefined;
}

/** The bytes of a binary message. Throws `ProtocolError` (`message_text`) for a text message. */
export function toBytes(data: unknown): Uint8Array {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  throw new ProtocolError("message_text", "the server sent a text message", "check that it is a worldstep server");
}
