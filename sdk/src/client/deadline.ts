// A time limit on a piece of work.
import { ProtocolError, stopError, throwIfStopped, type WorldError } from "@worldstep/protocols";

interface Bounds {
  /** What to do about a timeout. */
  readonly remedy?: string;
  /** Of the caller. */
  readonly stop?: AbortSignal | undefined;
}

/**
 * The result of `run`. Rejects with `request_timeout` after `timeoutMs`, or as `stop` says once that is aborted, and aborts the
 * signal with that error, so that `run` stops where it can.
 */
export async function within<T>(
  timeoutMs: number,
  what: string,
  run: (signal: AbortSignal) => Promise<T>,
  { remedy = "call again with the same arguments, or connect with a longer timeoutMs", stop }: Bounds = {},
): Promise<T> {
  throwIfStopped(stop);
  const controller = new AbortController();
  let end = (_: WorldError) => {};
  const ended = new Promise<never>((_, reject) => {
    end = (error) => {
      reject(error);
      controller.abort(error);
    };
  });
  const timer = setTimeout(() => {
    const summary = `${what} had no reply within ${timeoutMs} ms`;
    end(new ProtocolError("request_timeout", summary, remedy, { timeoutMs }));
  }, timeoutMs);
  const stopped = () => end(stopError(stop as AbortSignal));
  stop?.addEventListener("abort", stopped);
  try {
    return await Promise.race([run(controller.signal), ended]);
  } finally {
    clearTimeout(timer);
    stop?.removeEventListener("abort", stopped);
  }
}
