// The start of an episode that a user's frames and actions describe.
import {
  type Dtype,
  type EnvSpec,
  isTensorOf,
  OptionError,
  type ResetOptions,
  shownTensor,
  type Tensor,
  toAction,
} from "@worldstep/protocols";
import type { Start } from "./episode.js";

/**
 * The start, copied. Undefined where there are no frames.
 * Throws `OptionError` (`option_frames`, `option_actions`, `option_proprioception`), and `ActionError` for an action
 * outside the space.
 */
export function startFrom(spec: EnvSpec, { frames, actions, proprioception }: ResetOptions): Start | undefined {
  if (frames === undefined) return undefined;
  const [stride = 1, height = 0, width = 0] = spec.observationSpace.spaces.frames?.shape ?? [];
  const [count = 0] = isTensorOf(frames, "uint8") ? frames.shape : [];
  const ticks = (count - 1) / stride;
  if (!isOf(frames, "uint8", [count, height, width, 3]) || !Number.isInteger(ticks) || ticks < 0) {
    const expected = `uint8 [1 + ${stride} n, ${height}, ${width}, 3]`;
    throw refusal("option_frames", "frames", frames, expected);
  }
  const rows = [ticks, ...spec.actionSpace.shape];
  if (actions === undefined ? ticks > 0 : !isOf(actions, "float32", rows)) {
    const expected = `float32 [${rows.join(", ")}], one block for each ${stride} frames after the first`;
    throw refusal("option_actions", "actions", actions, expected);
  }
  const size = rows.slice(1).reduce((product, n) => product * n, 1);
  const blocks = Array.from({ length: ticks }, (_, i) => {
    const block = (actions as Tensor).data.subarray(i * size, (i + 1) * size);
    return toAction(spec.actionSpace, block as Float32Array).data;
  });
  const start = { frames: new Uint8Array(frames.data), actions: blocks };
  if (proprioception === undefined) return start;
  const pose = spec.proprioception.length;
  if (!isOf(proprioception, "float32", [pose])) {
    throw refusal("option_proprioception", "proprioception", proprioception, `float32 [${pose}]`);
  }
  checkInside(spec, proprioception);
  return { ...start, proprioception: Float32Array.from(proprioception.data) };
}

/** The tick that a stream begins with: its first `frame` `[H, W, 3]`, `stride` times. */
export function stillTick(frame: Uint8Array, stride: number): Uint8Array {
  const tick = new Uint8Array(stride * frame.length);
  for (let at = 0; at < tick.length; at += frame.length) tick.set(frame, at);
  return tick;
}

// Whatever the world itself shows is inside.
function checkInside({ observationSpace, proprioception: names }: EnvSpec, { data }: Tensor): void {
  const { low = 0, high = 0 } = observationSpace.spaces.proprioception ?? {};
  const bad = data.findIndex((x) => !(x >= Math.fround(low) && x <= Math.fround(high)));
  if (bad < 0) return;
  throw new OptionError(
    "option_proprioception",
    `proprioception[${bad}], ${names[bad]}, is ${data[bad]}`,
    `give numbers from ${low} to ${high}`,
    { option: "proprioception", index: bad, value: String(data[bad]), low, high },
  );
}

function isOf(tensor: Tensor, dtype: Dtype, shape: readonly number[]): boolean {
  return isTensorOf(tensor, dtype) && String(tensor.shape) === String(shape);
}

function refusal(code: string, option: string, tensor: Tensor | undefined, expected: string): OptionError {
  const got = shownTensor(tensor);
  return new OptionError(code, `${option} is ${got}`, `give ${expected}`, { option, value: got });
}
