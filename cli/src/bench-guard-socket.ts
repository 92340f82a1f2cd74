// A WebSocket client without manners, for `worldstep bench guard`: it sends what it is given and reads only if it wants to.
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { type ClientMessage, type Codec, decodeMessage, encodeMessage, type ServerMessage } from "@worldstep/protocols";

export class RawSocket {
  private constructor(
    readonly socket: Socket,
    private readonly codec: Codec,
  ) {
    socket.on("error", () => undefined);
  }

  /** Connected and greeted. Rejects where the server refuses. */
  static async open(port: number, codec: Codec): Promise<RawSocket> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    const raw = new RawSocket(socket, codec);
    socket.write(
      `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
        `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\nSec-WebSocket-Protocol: ${codec.subprotocol}\r\n\r\n`,
    );
    await new Promise<void>((resolve, reject) => {
      socket.once("readable", resolve); // what it says, a hello or a refusal, is left to `next` and to `close`
      socket.once("close", () => reject(new Error("refused")));
    });
    return raw;
  }

  get isOpen(): boolean {
    return this.socket.writable && !this.socket.destroyed;
  }

  /** Sends bytes as one message, and resolves when there is room for more. */
  async send(bytes: Uint8Array): Promise<void> {
    const head =
      bytes.length < 126
        ? Buffer.from([0x82, 0x80 | bytes.length, 0, 0, 0, 0])
        : Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    if (bytes.length >= 126) head.writeUIntBE(bytes.length, 4, 6);
    await this.write(Buffer.concat([head, bytes]));
  }

  /** Sends bytes as they are. */
  async write(bytes: Uint8Array): Promise<void> {
    if (!this.isOpen || this.socket.write(bytes)) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.socket.off("drain", done).off("close", done);
        resolve();
      };
      this.socket.once("drain", done).once("close", done);
    });
  }

  ask(message: ClientMessage): Promise<void> {
    return this.send(encodeMessage(this.codec, message));
  }

  /** Throws away what comes. */
  drain(): void {
    this.socket.resume();
  }

  /** The next message that is no hello; undefined where the connection ended. It is asked for before `drain`. */
  async next(): Promise<ServerMessage | undefined> {
    for (;;) {
      const bytes = await this.frame();
      if (bytes === undefined) return undefined;
      const message = decodeMessage(this.codec, bytes) as ServerMessage;
      if (message.type !== "hello") return message;
    }
  }

  private hasGreeting = true;

  /** The payload of the next binary frame. */
  private async frame(): Promise<Buffer | undefined> {
    if (this.hasGreeting) {
      let text = "";
      while (!text.endsWith("\r\n\r\n")) {
        const byte = await this.read(1);
        if (byte === undefined) return undefined;
        text += byte.toString("latin1");
      }
      this.hasGreeting = false;
    }
    for (;;) {
      const head = await this.read(2);
      if (head === undefined) return undefined;
      const short = (head[1] as number) & 127;
      const more = short < 126 ? undefined : await this.read(short === 126 ? 2 : 8);
      const length = more === undefined ? short : more.readUIntBE(more.length === 2 ? 0 : 2, more.length === 2 ? 2 : 6);
      const payload = length === 0 ? Buffer.alloc(0) : await this.read(length);
      if (((head[0] as number) & 15) === 2 || payload === undefined) return payload;
    }
  }

  private async read(bytes: number): Promise<Buffer | undefined> {
    for (;;) {
      const chunk = this.socket.read(bytes) as Buffer | null;
      if (chunk?.length === bytes) return chunk;
      if (!this.isOpen) return undefined;
      await new Promise<void>((resolve) => {
        const done = () => {
          this.socket.off("readable", done).off("close", done);
          resolve();
        };
        this.socket.once("readable", done).once("close", done);
      });
    }
  }
}
