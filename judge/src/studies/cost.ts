// What a tick costs, on the machine that runs this, on one thread and with nothing beside it.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Env, elementCount, scale } from "@worldstep/protocols";
import type { Study } from "../domain.js";

const WARM_UP = 10;
const TICKS = 150;
const SESSIONS = 8;

export interface Cost {
  readonly framesPerSecond: number;
  /** Of JavaScript arrays that a session holds after some ticks; absent where it holds its state elsewhere. */
  readonly bytesPerSession?: number;
  /** Of these, a page, and what memory blocks keep of all ticks, where there are such. */
  readonly memory?: { readonly page: number; readonly state: number };
  /** Denoiser evaluations a tick, where there are any. */
  readonly nfe?: number;
}

export const cost: Study<Cost> = {
  count: async () => 1,
  ticks: () => 2 * TICKS,
  run: async ({ env, subject }) => {
    await env.reset({ seed: 1, maxTicks: 0 });
    await stepped(env, WARM_UP);
    const begun = performance.now();
    await stepped(env, TICKS);
    const seconds = (performance.now() - begun) / 1000;
    const before = arrayBytes();
    const envs: Env[] = [];
    for (let i = 0; i < SESSIONS; i++) {
      const another = await subject.open();
      await another.reset({ seed: 1, maxTicks: 0 });
      await stepped(another, WARM_UP);
      envs.push(another);
    }
    const bytesPerSession = (arrayBytes() - before) / SESSIONS;
    for (const another of envs) await another.close();
    const { stride, nfe } = subject.spec;
    return {
      framesPerSecond: (TICKS * stride) / seconds,
      ...(bytesPerSession > 0 && { bytesPerSession }),
      ...(subject.memory && { memory: subject.memory }),
      ...(nfe && { nfe: nfe.default }),
    };
  },
};

/** Bytes of arrays that are in use: rubbish is collected first. */
function arrayBytes(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().arrayBuffers;
}

// To and fro along the first channel, the others at rest.
async function stepped(env: Env, ticks: number): Promise<void> {
  const { action, actionSpace } = env.spec;
  const still = scale(
    env.spec,
    action.map(({ idle, low }) => idle ?? low),
  );
  const [away, back] = [0.2, -0.2].map((first) => {
    const row = (i: number) => (i % action.length === 0 ? first : (still[i % action.length] as number));
    return Float32Array.from({ length: elementCount(actionSpace.shape) }, (_, i) => row(i));
  }) as [Float32Array, Float32Array];
  for (let t = 0; t < ticks; t++) await env.step(t % 2 ? away : back);
}
