// Watches a session of a server, whoever steps it.
import {
  type FrameMessage,
  OptionError,
  observationOf,
  STREAM_POLICIES,
  type StepResult,
  type StreamPolicy,
} from "@worldstep/protocols";
import { Observable } from "rxjs";
import { type Link, SocketLost, type StreamSink } from "./link.js";
import type { SessionKey } from "./remote-env.js";

export interface WatchOptions {
  /**
   * What happens to ticks that the watcher is not ready for: `latest` (the default) keeps the newest, `drop` drops them,
   * `block` holds the session up until the watcher is ready.
   */
  readonly policy?: StreamPolicy;
  /** Ticks that may be under way at once; default 2. */
  readonly credit?: number;
  /** Only ticks that are a multiple of it, and the last one of an episode; default 1. */
  readonly every?: number;
  /** Called after each tick was observed; the server may send another when it resolves. Default: at once. */
  readonly pace?: (tick: WatchedTick) => PromiseLike<unknown>;
}

/** A tick that the session committed. Tick 0 is a reset: reward 0. */
export interface WatchedTick extends StepResult {
  readonly tick: number;
  /** Ticks that the policy left out since the one before. */
  readonly dropped: number;
}

/**
 * The ticks that the session commits from the subscription on. Completes when the session is closed. After the loss of
 * a socket it goes on from the next tick, without those of the meantime; with `block`, where none may be missed, it is
 * an error instead (`connection_lost`). An error also if there is no such session, and if `pace` rejects.
 */
export function watch(link: Link, { session, token }: SessionKey, options: WatchOptions = {}): Observable<WatchedTick> {
  const { policy = "latest", credit = 2, every = 1, pace } = options;
  checkOptions(policy, credit, every);
  return new Observable<WatchedTick>((observer) => {
    let stream: number | undefined;

    const sink: StreamSink = {
      frame(message) {
        const tick = tickOf(message);
        observer.next(tick);
        if (pace === undefined) link.grant(message.stream, sink, 1);
        else Promise.resolve(pace(tick)).then(() => link.grant(message.stream, sink, 1), fail);
      },
      ended: () => observer.complete(),
      lost,
    };

    async function subscribe(): Promise<void> {
      await link.ready();
      if (observer.closed) return;
      const request = { type: "subscribe", session, token, policy, credit, every, tensors: {} } as const;
      ({ stream } = await link.request(request, undefined, sink));
      if (observer.closed) leave();
    }

    function lost(error: unknown): void {
      stream = undefined;
      // The loss of one socket is not the end of the link.
      if (error instanceof SocketLost && link.alive && policy !== "block") subscribe().catch(lost);
      else fail(error);
    }

    function fail(error: unknown): void {
      observer.error(error);
    }

    function leave(): void {
      if (stream === undefined) return;
      link.forget(stream, sink).catch(() => undefined);
      stream = undefined;
    }

    subscribe().catch(lost);
    return leave;
  });
}

function tickOf(message: FrameMessage): WatchedTick {
  const { tick, reward, terminated, truncated, info, dropped } = message;
  return { tick, observation: observationOf(message), reward, terminated, truncated, info, dropped };
}

/** Throws `OptionError` (`option_watch`). */
function checkOptions(policy: StreamPolicy, credit: number, every: number): void {
  if (!STREAM_POLICIES.includes(policy)) {
    throw new OptionError("option_watch", `no policy "${policy}"`, `use ${STREAM_POLICIES.join(", ")}`);
  }
  for (const [name, value] of Object.entries({ credit, every })) {
    if (Number.isSafeInteger(value) && value >= 1) continue;
    throw new OptionError("option_watch", `${name} is ${value}`, "give a whole number >= 1");
  }
}
