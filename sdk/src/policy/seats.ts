// Who is connected to a policy server: so many at a time, the idle give way to others, and the silent are cut.
import type { WebSocket } from "ws";

const CLOSE_TRY_LATER = 1013;

export class Seats {
  private readonly taken = new Set<WebSocket>();
  /** Who asked nothing yet, or has had its last answer; who came first is first. */
  private readonly spare = new Set<WebSocket>();
  /** Of whom nothing came since they were pinged. */
  private readonly silent = new Set<WebSocket>();
  private readonly rounds: NodeJS.Timeout;

  /** At most `most` connections; one of which nothing whole comes for `roundMs` to twice that is cut. */
  constructor(
    private readonly most: number,
    roundMs: number,
  ) {
    this.rounds = setInterval(() => this.round(), roundMs);
    this.rounds.unref();
  }

  /** Whether there is a seat. Where all are taken it closes the oldest of the spare ones. */
  makeRoom(): boolean {
    if (this.taken.size < this.most) return true;
    const [oldest] = this.spare;
    if (oldest === undefined) return false;
    this.leave(oldest);
    oldest.close(CLOSE_TRY_LATER, "no room, and nothing was asked");
    oldest.terminate(); // whoever doesn't answer the close would hold what it sent
    return true;
  }

  take(client: WebSocket): void {
    this.taken.add(client);
    this.spare.add(client);
    client.once("message", () => this.spare.delete(client));
    for (const event of ["message", "ping", "pong"]) client.on(event, () => this.silent.delete(client));
    client.once("close", () => this.leave(client));
  }

  /** `client` will be answered no more, and gives way though it has not gone yet. */
  giveUp(client: WebSocket): void {
    if (this.taken.has(client)) this.spare.add(client);
  }

  close(): void {
    clearInterval(this.rounds);
  }

  private leave(client: WebSocket): void {
    for (const set of [this.taken, this.spare, this.silent]) set.delete(client);
  }

  private round(): void {
    for (const client of this.taken) {
      if (client.isPaused) continue; // it waits for us
      if (this.silent.has(client)) {
        client.terminate();
      } else {
        this.silent.add(client);
        client.ping();
      }
    }
  }
}
