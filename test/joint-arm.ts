// A world with channels of every kind, for tests: an arm whose readings are what it was told, drawn as bars.
import {
  type ActionLike,
  byteTensor,
  type Channel,
  type Env,
  type EnvSpec,
  floatTensor,
  type Observation,
  type ResetOptions,
  type ResetResult,
  type StepResult,
  toAction,
  unscale,
} from "@worldstep/protocols";

const STRIDE = 2;
const SIZE = 32;
const CHANNELS: readonly Channel[] = [
  { name: "shoulder", unit: "deg", low: -90, high: 90, kind: "absolute" },
  { name: "elbow", unit: "deg", low: 0, high: 150, kind: "absolute" },
  { name: "wheel", unit: "m", low: -0.1, high: 0.1, kind: "delta", idle: 0 },
  { name: "claw", unit: "m", low: 0, high: 0.08, kind: "gripper" },
  { name: "lamp", low: 0, high: 1, kind: "flag" },
];
const START = [30, 60, 0, 0.04, 0];

export class JointArm implements Env {
  #state: number[] = [...START];
  #tick = 0;

  constructor(readonly spec: EnvSpec = jointArmSpec("joint-arm")) {}

  async reset({ task }: ResetOptions = {}): Promise<ResetResult> {
    this.#state = [...START];
    this.#tick = 0;
    return { observation: this.#observation(), info: { tick: 0, task } };
  }

  async step(action: ActionLike): Promise<StepResult> {
    const rows = unscale(this.spec, toAction(this.spec.actionSpace, action));
    const last = rows.subarray(-CHANNELS.length);
    this.#state = this.#state.map((value, i) =>
      CHANNELS[i]?.kind === "delta" ? value + (last[i] as number) : (last[i] as number),
    );
    this.#tick += 1;
    const observation = this.#observation();
    return { observation, reward: 0, terminated: false, truncated: false, info: { tick: this.#tick } };
  }

  async close(): Promise<void> {}

  #observation(): Observation {
    const frame = new Uint8Array(SIZE * SIZE * 3);
    for (const [i, { low, high }] of CHANNELS.entries()) {
      const width = Math.round(((Math.min(high, this.#state[i] as number) - low) / (high - low)) * SIZE);
      for (let y = 6 * i + 1; y < 6 * i + 5; y++) frame.fill(220, 3 * y * SIZE, 3 * (y * SIZE + Math.max(1, width)));
    }
    const frames = Uint8Array.from({ length: STRIDE * frame.length }, (_, i) => frame[i % frame.length] as number);
    return {
      frames: byteTensor(frames, [STRIDE, SIZE, SIZE, 3]),
      proprioception: floatTensor(Float32Array.from(this.#state), [CHANNELS.length]),
    };
  }
}

export function jointArmSpec(id: string): EnvSpec {
  return {
    id,
    fps: 20,
    stride: STRIDE,
    observationSpace: {
      type: "dict",
      spaces: {
        frames: { type: "box", dtype: "uint8", shape: [STRIDE, SIZE, SIZE, 3], low: 0, high: 255 },
        proprioception: { type: "box", dtype: "float32", shape: [CHANNELS.length], low: -1000, high: 1000 },
      },
    },
    actionSpace: { type: "box", dtype: "float32", shape: [STRIDE, CHANNELS.length], low: -1, high: 1 },
    action: CHANNELS,
    proprioception: CHANNELS.map(({ name, unit }) => (unit ? `${name} (${unit})` : name)),
    tasks: ["move the arm about"],
    starts: [],
    maxTicks: 0,
    cameras: [],
    state: [],
    determinism: "bitwise",
    acceptsFrames: false,
  };
}
