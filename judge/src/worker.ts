// A worker of `doOrders`: is told what to judge, then does one experiment after another.
import { WorldError } from "@worldstep/protocols";
import { openBench } from "./bench.js";
import type { Bench, Order } from "./domain.js";
import { openDomain, studyOf } from "./open-domain.js";
import { openSubject } from "./open-subject.js";
import type { Answer, Assignment, Word } from "./workers.js";

let bench: Promise<Bench> | undefined;

process.on("message", async (message: Assignment | Order) => {
  if ("subject" in message) {
    bench = opened(message);
    bench.catch(() => {}); // told with the first order
    return;
  }
  say(await done(message).catch(failure));
});
process.on("disconnect", () => process.exit());

async function opened({ domain: module, subject, settings }: Assignment): Promise<Bench> {
  const domain = await openDomain(module);
  return openBench(domain, await openSubject(subject, domain), settings);
}

function say(word: Word): void {
  process.send?.(word);
}

async function done({ study, i }: Order): Promise<Answer> {
  const ready = (await bench) as Bench;
  return { sample: await studyOf(ready.domain, study).run(ready, i, (ticks) => say({ ticks })) };
}

function failure(error: unknown): Answer {
  const { code, summary, remedy } =
    error instanceof WorldError
      ? error
      : {
          code: "eval_failed",
          summary: error instanceof Error ? String(error.stack) : String(error),
          remedy: "report this",
        };
  return { error: { code, summary, remedy } };
}
