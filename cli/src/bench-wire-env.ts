// An env that costs almost nothing: it counts its ticks, and shows the count as the colour of its frames. What a step of
// it takes over the wire is what the wire takes.
import {
  type ActionLike,
  byteTensor,
  type Env,
  type EnvSpec,
  floatTensor,
  type Observation,
  ResetNeededError,
  type ResetResult,
  type StepResult,
  toAction,
} from "@worldstep/protocols";

const FRAMES = [4, 64, 64, 3];

export const COUNTER_SPEC: EnvSpec = {
  id: "counter",
  fps: 20,
  stride: 4,
  observationSpace: {
    type: "dict",
    spaces: {
      frames: { type: "box", dtype: "uint8", shape: FRAMES, low: 0, high: 255 },
      proprioception: { type: "box", dtype: "float32", shape: [5], low: -1, high: 1 },
    },
  },
  actionSpace: { type: "box", dtype: "float32", shape: [4, 5], low: -1, high: 1 },
  action: ["a", "b", "c", "d", "e"].map((name) => ({ name, low: -1, high: 1, kind: "delta", idle: 0 })),
  proprioception: ["a (1)", "b (1)", "c (1)", "d (1)", "e (1)"],
  tasks: ["play"],
  starts: [],
  maxTicks: 0,
  cameras: [],
  state: [],
  determinism: "bitwise",
  acceptsFrames: false,
};

/** Shows the first row of the action that it got as its proprioception. Never ends. */
export class CounterEnv implements Env {
  readonly spec = COUNTER_SPEC;
  #tick: number | undefined;

  async reset(): Promise<ResetResult> {
    this.#tick = 0;
    return { observation: observe(0, new Float32Array(5)), info: { tick: 0 } };
  }

  async step(action: ActionLike): Promise<StepResult> {
    const { data } = toAction(COUNTER_SPEC.actionSpace, action);
    if (this.#tick === undefined) throw new ResetNeededError("never_reset");
    const tick = ++this.#tick;
    return { observation: observe(tick, data), reward: 0, terminated: false, truncated: false, info: { tick } };
  }

  async close(): Promise<void> {}
}

function observe(tick: number, action: Float32Array): Observation {
  return {
    frames: byteTensor(new Uint8Array(4 * 64 * 64 * 3).fill(tick), FRAMES),
    proprioception: floatTensor(action.slice(0, 5), [5]),
  };
}
