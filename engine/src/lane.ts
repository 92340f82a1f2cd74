// Jobs one at a time, in the order in which they came. Whoever comes back with its next job stands behind those who wait,
// so that sessions which share a lane take turns.

export class Lane {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `job` after all jobs before it have settled, and gives its outcome. */
  run<T>(job: () => Promise<T>): Promise<T> {
    const outcome = this.#last.then(job);
    this.#last = outcome.catch(() => undefined); // the caller hears of it; the next job doesn't
    return outcome;
  }
}
