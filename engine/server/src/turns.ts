// Turns on the server's one thread between those who want something of it: bytes of connections, HTTP requests, upgrades.
// In each turn of the event loop a little of that is done, and then the worlds go on.

/** Who waits for a turn. */
export interface Party {
  /** Whether what waits is little: then it goes before those who have much, who have to come back anyway. */
  readonly isBrief: boolean;
  /** Does a little of it, without throwing; says whether more waits. */
  serve(): boolean;
}

/**
 * What each of the two queues gets of one turn of the event loop, milliseconds, and one service at least. A step of a world
 * takes about four turns.
 */
const TURN_MS = 0.5;

export class Turns {
  private readonly brief: Party[] = [];
  private readonly long: Party[] = [];
  private isScheduled = false;

  /** Parties that wait. */
  get waiting(): number {
    return this.brief.length + this.long.length;
  }

  /** Serves `party` when its turn comes. Not to be called for one that waits already. */
  add(party: Party): void {
    (party.isBrief ? this.brief : this.long).push(party);
    if (this.isScheduled) return;
    this.isScheduled = true;
    setImmediate(() => this.take());
  }

  /** Has `work` done when its turn comes. */
  once(work: () => void): void {
    this.add({
      isBrief: false,
      serve: () => {
        work();
        return false;
      },
    });
  }

  private take(): void {
    this.isScheduled = false;
    this.round(this.brief);
    this.round(this.long);
    if (this.waiting === 0 || this.isScheduled) return;
    this.isScheduled = true;
    setImmediate(() => this.take());
  }

  private round(queue: Party[]): void {
    const end = performance.now() + TURN_MS;
    do {
      const party = queue.shift();
      if (party === undefined) return;
      if (party.serve()) this.add(party);
    } while (performance.now() < end);
  }
}
