// A process that a bench started and that ended by itself.
import { WorldError } from "@worldstep/protocols";

/** The error for it; `how` is its exit code, or the signal that ended it. Its own complaint is on stderr. */
export function processEnded(what: string, how: unknown, cause?: unknown): WorldError {
  const remedy = "run worldstep doctor, and look whether memory ran out";
  return new WorldError("bench_process", `the process of the ${what} ended (${how})`, remedy, {}, { cause });
}
