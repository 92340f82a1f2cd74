// The bytes that a server holds for its clients: requests without a reply, parts of messages, replies that nobody reads.
// Where they are too many, the connection that holds most of them is cut, and then the next.

export interface Holder {
  /** Bytes that are held for it now. */
  readonly held: number;
  /** Ends it, and with it what is held. */
  cut(why: string): void;
}

/** How often is looked: whenever this part of the budget has come or gone. */
const GLANCES = 16;

export class Budget {
  private readonly holders = new Set<Holder>();
  private moved = 0;

  constructor(private readonly most: number) {}

  get held(): number {
    return [...this.holders].reduce((sum, holder) => sum + holder.held, 0);
  }

  add(holder: Holder): void {
    this.holders.add(holder);
  }

  delete(holder: Holder): void {
    this.holders.delete(holder);
  }

  /** `bytes` came, or are to be sent. */
  move(bytes: number): void {
    this.moved += bytes;
    if (this.moved * GLANCES < this.most) return;
    this.moved = 0;
    let held = this.held;
    while (held > this.most) {
      const greatest = [...this.holders].reduce((a, b) => (b.held > a.held ? b : a));
      held -= greatest.held;
      this.holders.delete(greatest);
      greatest.cut(`${held + greatest.held} bytes were held for all, and ${greatest.held} of them for this one`);
    }
  }
}
