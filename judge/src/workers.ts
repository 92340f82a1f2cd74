// Experiments in several processes. Each opens the subject and reality for itself, on one thread.
import { type ChildProcess, fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { WorldError } from "@worldstep/protocols";
import type { Order, Settings } from "./domain.js";
import type { SubjectName } from "./open-subject.js";

/** What a worker is told first. */
export interface Assignment {
  readonly subject: SubjectName;
  /** The module whose default export is the domain. */
  readonly domain: string;
  readonly settings: Settings;
}

/** What a worker says: how many ticks further it is, and in the end what it found. */
export type Word = { readonly ticks: number } | Answer;
export type Answer =
  | { readonly sample: unknown }
  | { readonly error: { readonly code: string; readonly summary: string; readonly remedy: string } };

/** What is made of what workers say. */
export interface Listener {
  /** An experiment is so many ticks further. */
  onTicks(order: Order, ticks: number): void;
  onSample(order: Order, sample: unknown): void;
}

/** Does `orders` in `workers` processes (default: one a core), and hands on each sample as it comes. */
export async function doOrders(
  assignment: Assignment,
  orders: readonly Order[],
  workers: number = availableParallelism(),
  listener: Listener,
): Promise<void> {
  const open = [...orders];
  const processes = Array.from({ length: Math.min(workers, orders.length) }, () =>
    fork(fileURLToPath(new URL("./worker.js", import.meta.url)), { serialization: "advanced" }),
  );
  try {
    // All come to an end first: what others are at when one fails is kept, and no more is begun.
    const stop = (failure: unknown) => {
      open.length = 0;
      throw failure;
    };
    const works = processes.map((worker) => work(worker, assignment, open, listener).catch(stop));
    const ends = await Promise.allSettled(works);
    const failed = ends.find((end) => end.status === "rejected");
    if (failed) throw failed.reason;
  } finally {
    for (const worker of processes) worker.kill();
  }
}

async function work(worker: ChildProcess, assignment: Assignment, open: Order[], listener: Listener): Promise<void> {
  worker.send(assignment);
  for (let order = open.shift(); order; order = open.shift()) {
    worker.send(order);
    const current = order;
    const answer = await answerOf(worker, (ticks) => listener.onTicks(current, ticks));
    if ("error" in answer) {
      const { code, summary, remedy } = answer.error;
      throw new WorldError(code, summary, remedy, { study: order.study, experiment: order.i });
    }
    listener.onSample(order, answer.sample);
  }
}

function answerOf(worker: ChildProcess, onTicks: (ticks: number) => void): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const onMessage = (word: Word) => {
      if ("ticks" in word) return onTicks(word.ticks);
      forget();
      resolve(word);
    };
    const onExit = (code: number | null, signal: string | null) => {
      forget();
      const remedy = "run the command again: it goes on";
      reject(new WorldError("eval_worker_lost", `a worker ended (${code ?? signal})`, remedy, {}));
    };
    const forget = () => {
      worker.off("message", onMessage);
      worker.off("exit", onExit);
    };
    worker.on("message", onMessage);
    worker.on("exit", onExit);
  });
}
