// Time: when the next tick runs. One asynchronous loop, so that a reset, a tick and a pause never overlap.

/** What the loop runs. */
export interface Game {
  /** Whether the episode is over: only a reset goes on. */
  readonly over: boolean;
  /** Whether somebody asks for motion. */
  readonly active: boolean;
  reset(): Promise<void>;
  tick(): Promise<void>;
}

export class Loop {
  paused = false;
  /** Ticks run only while somebody asks for motion. */
  onlyActive = false;
  #resetWanted: boolean;
  #stepWanted = false;
  #stopped = false;
  #due = 0;
  #wake = () => {};

  /** Begins with a reset, unless the episode is `underWay`. */
  constructor(
    readonly game: Game,
    readonly tickMs: number,
    underWay = false,
  ) {
    this.#resetWanted = !underWay;
  }

  /** Looks again at what is wanted; to be called after anything changed. */
  changed(): void {
    this.#wake();
  }

  reset(): void {
    this.#resetWanted = true;
    this.changed();
  }

  /** One tick, paused or not. */
  step(): void {
    this.#stepWanted = true;
    this.changed();
  }

  /** Ends `run` when what it does is done. */
  stop(): void {
    this.#stopped = true;
    this.changed();
  }

  /** Runs until `stop`. Rejects when a call of the game does: with that error. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      if (this.#resetWanted) {
        this.#resetWanted = false;
        this.#stepWanted = false;
        await this.game.reset();
      } else if (this.#mayTick()) {
        this.#stepWanted = false;
        this.#due = Math.max(this.#due, performance.now()) + this.tickMs;
        await this.game.tick();
        await this.#sleep(this.#due - performance.now());
      } else {
        await this.#sleep();
      }
    }
  }

  #mayTick(): boolean {
    if (this.game.over) return false;
    if (this.#stepWanted) return true;
    return !this.paused && !document.hidden && (this.game.active || !this.onlyActive);
  }

  // Until something changed, or for `ms`. A tick is not begun early, but a reset need not wait for the pace.
  async #sleep(ms?: number): Promise<void> {
    if (ms !== undefined && ms <= 0) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = ms === undefined ? resolve : () => (this.#resetWanted || this.#stopped) && resolve();
      if (ms !== undefined) timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
    this.#wake = () => {};
  }
}
