// What a server admits. The hello tells clients, docs/protocol.md says what each means.
import { type Limits, OptionError } from "@worldstep/protocols";

export const DEFAULT_LIMITS: Limits = {
  maxSessions: 64,
  maxInFlight: 8,
  maxStreams: 64,
  maxMessageBytes: 16 * 2 ** 20,
  sessionIdleSeconds: 60,
  keepAliveSeconds: 20,
};

const MINIMUM: Limits = {
  maxSessions: 1,
  maxInFlight: 1,
  maxStreams: 0,
  maxMessageBytes: 1024,
  sessionIdleSeconds: 0,
  keepAliveSeconds: 0.01,
};

/** The defaults with `changes`, checked. Throws `OptionError` (`option_limits`). */
export function limitsWith(changes: Partial<Limits>): Limits {
  const limits = { ...DEFAULT_LIMITS, ...changes };
  for (const [name, value] of Object.entries(limits) as [keyof Limits, number][]) {
    const whole = name.startsWith("max");
    const minimum = MINIMUM[name];
    if (!(value >= minimum && value < 2 ** 31) || (whole && !Number.isInteger(value))) {
      const expected = `a ${whole ? "whole " : ""}number of at least ${minimum}`;
      throw new OptionError("option_limits", `limit ${name} is ${value}`, `give ${expected}`, {
        name,
        value,
        expected,
      });
    }
  }
  return limits;
}
