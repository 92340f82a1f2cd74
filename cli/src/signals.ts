// How a server that runs until it is told to stop is told.
import { once } from "node:events";

/** A server's end takes no longer than this, whatever still runs. */
const LAST_MS = 3500;

/** Resolves at the first Ctrl-C or SIGTERM. From then on the process ends soon: at the next of them, or after 3.5 s. */
export async function stopSignal(): Promise<void> {
  await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.once(signal, () => process.exit(code)); // whoever asks again does not want to wait
  }
  setTimeout(() => process.exit(1), LAST_MS).unref();
}
