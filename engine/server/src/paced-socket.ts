// A connection's bytes, handed to the HTTP and WebSocket libraries a piece at a time, when it is the connection's turn. While
// some wait, the socket isn't read: whoever sends much is slowed down by TCP, and not by the others' patience.
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { Party, Turns } from "./turns.js";

/** Bytes that one service hands on: a step, or at most some twenty of the smallest messages. */
const PIECE_BYTES = 512;
/** The same in the middle of a long message, where they cost next to nothing. */
const LONGEST_PIECE = 4096;
/** Of so few that wait all may go before those who have more. */
const BRIEF_BYTES = 2048;

type Done = (error?: Error | null) => void;

export class PacedSocket extends Duplex implements Party {
  /** Bytes that came from the socket so far. */
  received = 0;
  /** Bytes that were handed on of a message whose end hasn't come. */
  unfinished = 0;

  private piece = PIECE_BYTES;
  private waiting: Buffer | undefined;
  private hasEnded = false;
  private isQueued = false;

  constructor(
    private readonly socket: Socket,
    private readonly turns: Turns,
    /** Called with every number of bytes that came. */
    private readonly onBytes: (bytes: number) => void,
  ) {
    super();
    socket.setNoDelay();
    socket.on("timeout", () => this.emit("timeout"));
    socket.on("data", (bytes: Buffer) => {
      socket.pause();
      this.received += bytes.length;
      this.waiting = this.waiting === undefined ? bytes : Buffer.concat([this.waiting, bytes]);
      this.onBytes(bytes.length);
      this.queue();
    });
    socket.on("end", () => {
      this.hasEnded = true;
      if (this.waiting === undefined) this.push(null);
    });
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => this.destroy());
  }

  get localPort(): number | undefined {
    return this.socket.localPort;
  }

  /** As of a socket. */
  setTimeout(milliseconds: number): this {
    this.socket.setTimeout(milliseconds);
    return this;
  }

  /** As of a socket: ends it when all is written. */
  destroySoon(): void {
    this.once("finish", () => this.destroy());
    this.end();
  }

  get isBrief(): boolean {
    return (this.waiting?.length ?? 0) <= BRIEF_BYTES;
  }

  /** Whether bytes of the client wait here for their turn. */
  get hasWaiting(): boolean {
    return this.waiting !== undefined;
  }

  /** A message has come whole, or with `bytes` a ping or a pong of that size, which may lie between the parts of one. */
  cameWhole(bytes = this.unfinished): void {
    this.unfinished = Math.max(0, this.unfinished - bytes);
    this.piece = 0;
  }

  serve(): boolean {
    const bytes = this.waiting;
    if (bytes === undefined || this.destroyed || !this.readableFlowing) {
      this.isQueued = false; // `resume` asks for a turn again
      return false;
    }
    const piece = bytes.subarray(0, this.piece);
    this.waiting = bytes.length > piece.length ? bytes.subarray(piece.length) : undefined;
    this.piece = Math.min(2 * this.piece, LONGEST_PIECE);
    this.unfinished += piece.length;
    this.socket.cork(); // the replies to all that is in the piece leave together
    try {
      this.push(piece);
    } catch (error) {
      this.destroy(error as Error);
    }
    this.socket.uncork();
    this.piece = Math.max(this.piece, PIECE_BYTES);
    if (this.waiting === undefined && this.hasEnded) this.push(null);
    else if (this.waiting === undefined) this.socket.resume();
    this.isQueued = this.waiting !== undefined && !this.destroyed && this.readableFlowing === true;
    return this.isQueued;
  }

  override resume(): this {
    super.resume();
    this.queue();
    return this;
  }

  override _read(): void {} // pieces come by turns, whether they are asked for or not

  override _write(bytes: Buffer, _: BufferEncoding, done: Done): void {
    this.socket.write(bytes, done);
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: Done): void {
    this.socket.cork();
    for (const [i, { chunk }] of chunks.entries()) this.socket.write(chunk, i === chunks.length - 1 ? done : undefined);
    this.socket.uncork();
  }

  override _final(done: Done): void {
    this.socket.end(done);
  }

  override _destroy(error: Error | null, done: Done): void {
    this.waiting = undefined;
    this.socket.uncork(); // what the piece was answered, a refusal, say, leaves before the end
    this.socket.destroy();
    done(error);
  }

  private queue(): void {
    if (this.isQueued || this.waiting === undefined || !this.readableFlowing) return;
    this.isQueued = true;
    this.turns.add(this);
  }
}
