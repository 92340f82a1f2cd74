// A worker of `doOrders`: is told what to judge, then does one experiment after another.
import { WorldError } from "@worldstep/protocols";
import { Bench } from "./bench.js";
import { type Order, STUDIES } from "./studies.js";
import { openSubject } from "./subject.js";
import type { Answer, Assignment, Word } from "./workers.js";

let bench: Promise<Bench> | undefined;

process.on("message", async (message: Assignment | Order) => {
  if ("subject" in message) {
    bench = openSubject(message.subject).then((subject) => Bench.open(subject, message.settings));
    bench.catch(() => {}); // told with the first order
    return;
  }
  say(await done(message).catch(failure));
});
process.on("disconnect", () => process.exit());

function say(word: Word): void {
  process.send?.(word);
}

async function done({ study, i }: Order): Promise<Answer> {
  return { sample: await STUDIES[study].run((await bench) as Bench, i, (ticks) => say({ ticks })) };
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
