// A bounded queue that lets an Observable be pulled from like an async iterable.
import { WorldError } from "@worldstep/protocols";
import type { Observable, Subscription } from "rxjs";

export const OVERFLOW_POLICIES = ["error", "latest", "drop"] as const;
export type OverflowPolicy = (typeof OVERFLOW_POLICIES)[number];

/**
 * `source` as an async iterable. It is subscribed to at the first `next()`. Values that come while nobody waits are
 * kept, at most `size`; beyond that `policy` says what happens. An overflow is reported at once, before what is kept.
 */
export function queued<T>(source: Observable<T>, size: number, policy: OverflowPolicy): AsyncIterable<T> {
  return { [Symbol.asyncIterator]: () => new QueueIterator(source, size, policy) };
}

interface Waiter<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: unknown): void;
}

class QueueIterator<T> implements AsyncIterator<T, undefined> {
  readonly #kept: T[] = [];
  #waiter: Waiter<T> | undefined;
  #subscription: Subscription | undefined;
  #ended = false;
  #error: { readonly reason: unknown } | undefined;

  constructor(
    readonly source: Observable<T>,
    readonly size: number,
    readonly policy: OverflowPolicy,
  ) {}

  next(): Promise<IteratorResult<T, undefined>> {
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
      // Subscribed only now, so that the first of several values sent at once finds its waiter.
      if (this.#subscription === undefined && !this.#ended) this.#subscribe();
      this.#deliver();
    });
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.#stop();
    this.#kept.length = 0;
    this.#deliver();
    return { done: true, value: undefined };
  }

  #subscribe(): void {
    const subscription = this.source.subscribe({
      next: (value) => this.#push(value),
      error: (reason: unknown) => {
        this.#error = { reason };
        this.#stop();
        this.#deliver();
      },
      complete: () => {
        this.#stop();
        this.#deliver();
      },
    });
    this.#subscription = subscription;
    if (this.#ended) subscription.unsubscribe();
  }

  #push(value: T): void {
    if (this.#ended) return;
    if (this.#waiter !== undefined) {
      this.#kept.push(value);
      this.#deliver();
    } else if (this.#kept.length < this.size) {
      this.#kept.push(value);
    } else if (this.policy === "latest" && this.size > 0) {
      this.#kept.shift();
      this.#kept.push(value);
    } else if (this.policy === "error") {
      const reason = new WorldError(
        "rollout_overflow",
        `actions came faster than the env steps: ${this.size} already wait`,
        "leave `buffer` out, give the actions as an iterable, or choose another overflow policy",
        { buffer: this.size },
      );
      this.#error = { reason };
      this.#kept.length = 0;
      this.#stop();
    }
  }

  #stop(): void {
    this.#ended = true;
    this.#subscription?.unsubscribe();
  }

  #deliver(): void {
    const waiter = this.#waiter;
    if (waiter === undefined) return;
    if (this.#kept.length > 0) {
      this.#waiter = undefined;
      waiter.resolve({ done: false, value: this.#kept.shift() as T });
    } else if (this.#error !== undefined) {
      this.#waiter = undefined;
      waiter.reject(this.#error.reason);
    } else if (this.#ended) {
      this.#waiter = undefined;
      waiter.resolve({ done: true, value: undefined });
    }
  }
}
