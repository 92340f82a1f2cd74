// One subscription: which of a session's ticks are sent to a watcher, and when, by its credit and its policy.
import type { StepResult, StreamPolicy } from "@worldstep/protocols";

/** A committed tick; a reset is tick 0 with reward 0. */
export interface Tick extends StepResult {
  readonly tick: number;
}

/** Where a stream's frames go. */
export interface Sink {
  /** Ticks wait: `sendNext` is to be called when it is the watcher's turn. */
  wake(): void;
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
/** Ticks that wait at most for a watcher that may miss some: turns come in milliseconds. */
const MAX_WAITING = 16;

export class Stream {
  private credit: number;
  // Ticks that wait for credit or a turn, oldest first; with `block` at most those of a chunk, for the session waits too.
  private readonly waiting: Tick[] = [];
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

  /** Whether a tick waits that may go: one of a stream that blocks needs credit alone, for none of its ticks may be lost. */
  get isReady(): boolean {
    return this.waiting.length > 0 && this.room > 0;
  }

  grant(credit: number): void {
    this.credit = Math.min(this.credit + credit, MAX_CREDIT);
    if (this.isReady) this.sink.wake();
  }

  offer(tick: Tick): void {
    const { policy, every } = this.subscription;
    if (tick.tick % every !== 0 && !tick.terminated && !tick.truncated) return;
    const room = Math.min(this.room, MAX_WAITING);
    if (policy === "drop" && this.waiting.length >= room) {
      this.dropped += 1;
      return;
    }
    if (policy === "latest") {
      while (this.waiting.length >= Math.max(1, room)) {
        this.waiting.shift();
        this.dropped += 1;
      }
    }
    this.waiting.push(tick);
    if (this.isReady) this.sink.wake();
  }

  /** Sends the oldest tick that waits, if it may go. */
  sendNext(): void {
    const tick = this.isReady ? this.waiting.shift() : undefined;
    if (tick === undefined) return;
    const dropped = this.dropped;
    this.credit -= 1;
    this.dropped = 0;
    this.sink.send(tick, dropped);
  }

  /** Ticks that may go now. */
  private get room(): number {
    return this.subscription.policy !== "block" && this.sink.congested() ? 0 : this.credit;
  }
}
