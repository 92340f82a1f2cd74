// What a user reads when a command fails: what happened, and what to do.
import { WorldError } from "@worldstep/protocols";

/** The text for stderr. `verbose` adds the stack. */
export function reportFailure(error: unknown, verbose: boolean): string {
  if (verbose) return `${error instanceof Error ? error.stack : error}\n`;
  if (error instanceof WorldError) return `error: ${error.summary} (${error.code})\n  ${error.remedy}\n`;
  const message = error instanceof Error ? error.message : String(error);
  return `error: ${message}\n  run it again with --verbose to see where this comes from\n`;
}
