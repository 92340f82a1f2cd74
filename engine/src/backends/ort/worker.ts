// What runs in a thread of ONNX Runtime's own (thread.ts): inference sessions, and nothing else. Buffers come in and go out as they are, not copied.
import { MessageChannel, parentPort } from "node:worker_threads";
import type { Bindings } from "../../backend.js";
import { buffersOf, type Options, Sessions } from "./sessions.js";

/** `session`: the number that was answered when it was created. */
export type Call =
  | { readonly do: "create"; readonly model: Uint8Array; readonly options: Options }
  | { readonly do: "run"; readonly session: number; readonly inputs: Bindings; readonly outputs: readonly string[] }
  | { readonly do: "close" };

/** Of a call, by the number that came with it. Of an error only what a copy of it would lose is told beside it. */
export interface Answer {
  readonly number: number;
  readonly made?: Made;
  /** The buffers that the inputs of a run lay in. */
  readonly rooms: readonly ArrayBuffer[];
  readonly error?: { readonly thrown: unknown; readonly code: unknown };
}

/** A session's number, or what a run put out. */
export interface Made {
  readonly session?: number;
  readonly outputs?: Bindings;
}

const sessions = new Sessions();

parentPort?.on("message", async ({ number, call }: { readonly number: number; readonly call: Call }) => {
  const rooms = call.do === "run" ? buffersOf(call.inputs) : [];
  try {
    const made = await answer(call);
    tell({ number, rooms, made }, [...rooms, ...buffersOf(made.outputs ?? {})]);
  } catch (thrown) {
    const { code } = thrown as { readonly code?: unknown };
    tell({ number, rooms, error: { thrown, code } }, rooms);
  }
});

function tell(answer: Answer, transfer: readonly ArrayBuffer[]): void {
  parentPort?.postMessage(answer, transfer);
}

async function answer(call: Call): Promise<Made> {
  switch (call.do) {
    case "create": {
      const session = await sessions.create(call.model, call.options);
      free(call.model.buffer as ArrayBuffer);
      return { session };
    }
    case "run":
      return { outputs: await sessions.run(call.session, call.inputs, call.outputs) };
    case "close":
      await sessions.close();
      return {};
  }
}

// A buffer that is sent to nobody is gone at once; one that is only forgotten stays for as long as this thread finds nothing to collect.
function free(buffer: ArrayBuffer): void {
  const { port1, port2 } = new MessageChannel();
  port2.close();
  port1.postMessage(undefined, [buffer]);
  port1.close();
}
