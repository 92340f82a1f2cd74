// What a check is.
import type { Env } from "@worldstep/protocols";

/** What every check is given. */
export interface CheckContext {
  /** A fresh env; it is closed after the check. */
  open(): Promise<Env>;
  readonly seed: number;
  readonly ticks: number;
}

/** A check throws, with a message that says what is wrong. */
export type NamedCheck = readonly [name: string, run: (context: CheckContext) => Promise<void>];
