// Progress of long work, on stderr, so that stdout holds results only.
import { SingleBar } from "cli-progress";

export interface Progress {
  /** `done` of `total`, in the unit that the bar was made with. note: what is known so far. */
  update(done: number, total: number, note?: string): void;
  stop(): void;
}

/** A bar for `what`, counted in `unit`. Where stderr is no terminal: a line every 10 seconds. */
export function progressBar(what: string, unit: string): Progress {
  const bar = new SingleBar({
    format: ({ barsize = 0 }, { progress, value, total, eta }, { note }: { readonly note?: string }) => {
      const bar = "=".repeat(Math.round(progress * barsize)).padEnd(barsize, "-");
      const left = value < total && eta > 0 && eta < Number.POSITIVE_INFINITY ? `, ${eta} s left` : "";
      return `${what} ${bar} ${value}/${total} ${unit}${note ? `, ${note}` : ""}${left}`;
    },
    barsize: 30,
    hideCursor: true,
    noTTYOutput: true,
    notTTYSchedule: 10_000,
    stream: process.stderr,
  });
  let started = false;
  return {
    update(done, total, note) {
      if (!started) bar.start(total, done, { note });
      started = true;
      bar.update(done, { note });
    },
    stop() {
      if (started) bar.stop();
    },
  };
}
