// What `serve` and `policy` say of the token that they are given.
import type { Log } from "./log.js";

const SHORTEST = 16;

/** Nobody counts guesses: a token has to be too long to be found by them. */
export function warnOfShortToken(token: string | undefined, log: Log): void {
  if (token === undefined || token.length >= SHORTEST) return;
  log.write(
    `warning: a token of fewer than ${SHORTEST} characters can be guessed; openssl rand -hex 16 makes a good one\n`,
  );
}
