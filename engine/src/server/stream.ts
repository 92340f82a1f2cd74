// One subscription: which of a session's ticks are sent to a watcher, and when, by its credit and its policy.
import type { StepResult, StreamPolicy } from "@worldstep/protocols";

/** A committed tick; a reset is tick 0 with reward 0. */
export interface Tick extends StepResult {
  readonly tick: number;
}

/** Where a stream's frames go. */
export interface Sink {
  send(tick: Tick, dropped: number): void;
  /** Whether the socket holds more unsent bytes than it should. */
  congested(): boolean;
  /** The session was closed: no more frames come. */
  end(): void;
}

export interface Subscription {
  readonly policy: StreamPolicy;
  /** Frames that may be sent before `grant` allows more. */
  readonly credit: number;
  /** Only ticks that are a multiple of it, and the last of an episode. */
  readonly every: number;
}

const MAX_CREDIT = 2 ** 31;

export class Stream {
  private credit: number;
  // Ticks that wait for credit: with `latest` at most the newest, with `block` what is left of a chunk, oldest first.
  private waiting: Tick[] = [];
  private dropped = 0;

  constructor(
    private readonly subscription: Subscription,
    readonly sink: Sink,
  ) {
    this.credit = Math.min(subscription.credit, MAX_CREDIT);
  }

  /** Whether the session must not take its next tick. */
  get blocks(): boolean {
    return this.subscription.policy === "block" && (this.credit === 0 || this.waiting.length > 0);
  }

  grant(credit: number): void {
    this.credit = Math.min(this.credit + credit, MAX_CREDIT);
    this.flush();
  }

  offer(tick: Tick): void {
    const { policy, every } = this.subscription;
    if (tick.tick % every !== 0 && !tick.terminated && !tick.truncated) return;
    if (policy === "drop" && !this.ready()) {
      this.dropped += 1;
      return;
    }
    if (policy === "latest") {
      this.dropped += this.waiting.length;
      this.waiting = [];
    }
    this.waiting.push(tick);
    this.flush();
  }

  /** Sends the ticks that wait and may go now. */
  flush(): void {
    while (this.waiting.length > 0 && this.ready()) this.send(this.waiting.shift() as Tick);
  }

  /** Whether a tick may go: a stream that blocks waits for credit alone, for none of its ticks may be lost. */
  private ready(): boolean {
    const { policy } = this.subscription;
    return this.credit > 0 && (policy === "block" || !this.sink.congested());
  }

  private send(tick: Tick): void {
    const dropped = this.dropped;
    this.credit -= 1;
    this.dropped = 0;
    this.sink.send(tick, dropped);
  }
}
