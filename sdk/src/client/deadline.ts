// A time limit on a piece of work.
import { ProtocolError } from "@worldstep/protocols";

/**
 * The result of `run`. Rejects with `request_timeout` after `timeoutMs`, and aborts the signal with that error, so that
 * `run` stops where it can.
 */
export async function within<T>(
  timeoutMs: number,
  what: string,
  run: (signal: AbortSignal) => Promise<T>,
  remedy = "call again with the same arguments, or connect with a longer timeoutMs",
): Promise<T> {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new ProtocolError("request_timeout", `${what} had no reply within ${timeoutMs} ms`, remedy, {
        timeoutMs,
      });
      reject(error);
      controller.abort(error);
    }, timeoutMs);
  });
  try {
    return await Promise.race([run(controller.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}
