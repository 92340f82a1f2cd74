// Which tick lies in which slot, and how old it is: slot 0 has the sink (tick 0) for ever, the others are a ring. A tick's
// place never changes; only ages do.

export class SlidingWindow {
  /** size: ticks that the ring holds, the sink not counted. */
  constructor(readonly size: number) {}

  /** Where tick number `tick` lies: 0 for the sink, or a slot of the ring, 1 .. size. */
  slot(tick: number): number {
    return tick === 0 ? 0 : 1 + ((tick - 1) % this.size);
  }

  /**
   * The age of what lies in `slot` as tick number `tick` sees it: 1 .. size, and size + 1 for the sink, however old it is.
   * Undefined of an empty slot.
   */
  age(slot: number, tick: number): number | undefined {
    if (slot >= tick) return undefined;
    if (slot === 0) return this.size + 1;
    return 1 + ((tick - 1 - slot) % this.size);
  }
}
