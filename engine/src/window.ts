// Which tick lies in which slot of a memory, and how old it is: slot 0 has the sink (tick 0) for ever, the others are a
// ring. A tick's place never changes; only ages do.

export class SlidingWindow {
  #ticks = 0;

  /** size: ticks that the ring holds, the sink not counted. */
  constructor(readonly size: number) {}

  /** Ticks pushed so far: the number of the next one. */
  get ticks(): number {
    return this.#ticks;
  }

  /** Where the next tick goes: 0 for the sink, or the ring's oldest slot, 1 .. size. */
  get slot(): number {
    return this.#ticks === 0 ? 0 : 1 + ((this.#ticks - 1) % this.size);
  }

  push(): void {
    this.#ticks++;
  }

  /**
   * The age of what lies in `slot` as the next tick sees it: 1 .. size, and size + 1 for the sink, however old it is.
   * Undefined of an empty slot.
   */
  age(slot: number): number | undefined {
    if (slot >= this.#ticks) return undefined;
    if (slot === 0) return this.size + 1;
    return 1 + ((this.#ticks - 1 - slot) % this.size);
  }
}
