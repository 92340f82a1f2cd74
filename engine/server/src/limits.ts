// What a server admits. The hello tells clients, docs/protocol.md says what each means.
import { type Limits, OptionError } from "@worldstep/protocols";

export const DEFAULT_LIMITS: Limits = {
  maxSessions: 128,
  maxSessionsPerConnection: 64,
  maxInFlight: 8,
  maxStreams: 64,
  maxMessageBytes: 16 * 2 ** 20,
  maxHeaderBytes: 8192,
  maxQueuedBytes: 32 * 2 ** 20,
  maxUnsentBytes: 32 * 2 ** 20,
  maxHeldBytes: 128 * 2 ** 20,
  maxConnections: 1024,
  sessionIdleSeconds: 60,
  maxIdleSeconds: 4 * 3600,
  keepAliveSeconds: 20,
};

const MINIMUM: Limits = {
  maxSessions: 1,
  maxSessionsPerConnection: 1,
  maxInFlight: 1,
  maxStreams: 0,
  maxMessageBytes: 1024,
  maxHeaderBytes: 512,
  maxQueuedBytes: 1024,
  maxUnsentBytes: 1024,
  maxHeldBytes: 1024,
  maxConnections: 1,
  sessionIdleSeconds: 0,
  maxIdleSeconds: 0,
  keepAliveSeconds: 0.01,
};

/** A timer takes no more milliseconds than this. */
const MOST_SECONDS = 2_147_483;

/** The defaults with `changes`, checked. Throws `OptionError` (`option_limits`). */
export function limitsWith(changes: Partial<Limits>): Limits {
  const limits = { ...DEFAULT_LIMITS, ...changes };
  for (const [name, value] of Object.entries(limits) as [keyof Limits, number][]) {
    const inSeconds = name.endsWith("Seconds");
    const [minimum, most] = [MINIMUM[name], inSeconds ? MOST_SECONDS : 2 ** 31 - 1];
    if (!(value >= minimum && value <= most) || !(inSeconds || Number.isInteger(value))) {
      const expected = `a ${inSeconds ? "" : "whole "}number from ${minimum} to ${most}`;
      const facts = { name, value, expected };
      throw new OptionError("option_limits", `limit ${name} is ${value}`, `give ${expected}`, facts);
    }
  }
  return limits;
}
