// Ending a call that takes long before it is done.
import type { CallOptions } from "./env.js";
import { OptionError, WorldError } from "./errors.js";
import { checkKeys } from "./options.js";
import { shown } from "./shown.js";

/** The signal of a call's options. Throws `OptionError`: `option_invalid`, `option_unknown`. */
export function signalOf(call: string, options: CallOptions): AbortSignal | undefined {
  checkKeys(call, options, ["signal"]);
  const { signal } = options;
  if (signal === undefined || isSignal(signal)) return signal;
  const facts = { option: "signal", value: shown(signal) };
  throw new OptionError("option_invalid", `signal is ${shown(signal)}`, "give an AbortSignal, or none", facts);
}

/** What a call rejects with that `signal` stopped: its reason, where that is a `WorldError`; else `request_cancelled`. */
export function stopError({ reason }: AbortSignal): WorldError {
  if (reason instanceof WorldError) return reason;
  return new WorldError(
    "request_cancelled",
    "the call was stopped by its signal",
    "none needed",
    {},
    { cause: reason },
  );
}

/** Throws `stopError` where `signal` is aborted. */
export function throwIfStopped(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw stopError(signal);
}

// By what it has: a page may bring a signal of another frame.
function isSignal(value: unknown): value is AbortSignal {
  return typeof value === "object" && value !== null && "aborted" in value && "addEventListener" in value;
}
