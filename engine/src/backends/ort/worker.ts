// What runs in the thread of ONNX Runtime (thread.ts): inference sessions, and nothing else. Buffers come in and go out as they are, not copied.
import { MessageChannel, parentPort } from "node:worker_threads";
import { InferenceSession, Tensor } from "onnxruntime-node";
import type { Bindings, Numbers } from "../../backend.js";
import { Lane } from "../../lane.js";

export type Options = InferenceSession.SessionOptions;

/** `session`: a number that the asker gave it when it was created. */
export type Call =
  | { readonly do: "create"; readonly session: number; readonly model: Uint8Array; readonly options: Options }
  | { readonly do: "run"; readonly session: number; readonly inputs: Bindings; readonly outputs: readonly string[] }
  | { readonly do: "release" };

/** Of a call, by the number that came with it. Of an error only what a copy of it would lose is told beside it. */
export interface Answer {
  readonly number: number;
  readonly made?: Bindings;
  /** The buffers that the inputs of a run lay in. */
  readonly rooms: readonly ArrayBuffer[];
  readonly error?: { readonly thrown: unknown; readonly code: unknown };
}

const sessions = new Map<number, InferenceSession>();
const lane = new Lane();

parentPort?.on("message", ({ number, call }: { readonly number: number; readonly call: Call }) => {
  void lane.run(async () => {
    const rooms = call.do === "run" ? buffersOf(call.inputs) : [];
    try {
      const made = await answer(call);
      tell(made ? { number, rooms, made } : { number, rooms }, [...rooms, ...buffersOf(made ?? {})]);
    } catch (thrown) {
      const { code } = thrown as { readonly code?: unknown };
      tell({ number, rooms, error: { thrown, code } }, rooms);
    }
  });
});

function tell(answer: Answer, transfer: readonly ArrayBuffer[]): void {
  parentPort?.postMessage(answer, transfer);
}

function buffersOf(bindings: Bindings): ArrayBuffer[] {
  return [...new Set(Object.values(bindings).map(({ data }) => data.buffer as ArrayBuffer))];
}

async function answer(call: Call): Promise<Bindings | undefined> {
  switch (call.do) {
    case "create":
      sessions.set(call.session, await InferenceSession.create(call.model, call.options));
      free(call.model.buffer as ArrayBuffer);
      return undefined;
    case "run":
      return run(sessions.get(call.session) as InferenceSession, call.inputs, call.outputs);
    case "release":
      for (const session of sessions.values()) await session.release();
      sessions.clear();
      return undefined;
  }
}

async function run(session: InferenceSession, inputs: Bindings, outputs: readonly string[]): Promise<Bindings> {
  const feeds = Object.entries(inputs).map(([name, numbers]) => [name, tensorOf(numbers)] as const);
  const made = await session.run(Object.fromEntries(feeds), outputs);
  const entries = Object.entries(made).map(([name, { dims, data }]) => {
    return [name, { shape: dims, data: data as Numbers["data"] }] as const;
  });
  return Object.fromEntries(entries);
}

// A buffer that is sent to nobody is gone at once; one that is only forgotten stays for as long as this thread finds nothing to collect.
function free(buffer: ArrayBuffer): void {
  const { port1, port2 } = new MessageChannel();
  port2.close();
  port1.postMessage(undefined, [buffer]);
  port1.close();
}

function tensorOf({ shape, data }: Numbers): Tensor {
  if (data instanceof Uint8Array) return new Tensor("uint8", data, shape);
  if (data instanceof Int32Array) return new Tensor("int32", data, shape);
  return new Tensor("float32", data, shape);
}
