// Processes that a bench starts.
import type { ChildProcess } from "node:child_process";
import { WorldError } from "@worldstep/protocols";

/** The error for one that ended by itself; `how` is its exit code, or the signal that ended it. Its own complaint is on stderr. */
export function processEnded(what: string, how: unknown, cause?: unknown): WorldError {
  const remedy = "run worldstep doctor, and look whether memory ran out";
  return new WorldError("bench_process", `the process of the ${what} ended (${how})`, remedy, {}, { cause });
}

/** The address that a server says when it is there. Rejects where its process ends before. */
export function addressOf(server: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once("message", (url) => resolve(url as string));
    server.once("exit", (code, signal) => reject(processEnded("server", signal ?? code)));
  });
}
