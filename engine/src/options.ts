// Checks of what a user passes to a dreamed env: unknown keys and unusable values are errors, at the first one.
import {
  type EnvSpec,
  OptionError,
  type ResetOptions,
  type StepOptions,
  type Tensor,
  toAction,
} from "@worldstep/protocols";
import type { Start } from "./world-model.js";

const RESET_KEYS = ["seed", "task", "start", "frames", "actions", "maxTicks"];

/** Throws `OptionError`: `option_unknown`, `option_seed`, `option_task`, `option_start`, `option_max_ticks`. */
export function checkReset(spec: EnvSpec, options: ResetOptions): void {
  checkKeys("reset", options, RESET_KEYS);
  const { seed, task, start, frames, maxTicks } = options;
  if (seed !== undefined && !isWhole(seed)) {
    throw refusal("option_seed", "seed", seed, "a whole number in [0, 2^53), or none");
  }
  if (task !== undefined && !spec.tasks.includes(task)) {
    throw refusal("option_task", "task", task, `one of ${spec.tasks.join(", ")}`, { tasks: spec.tasks });
  }
  if (start !== undefined && !spec.starts.includes(start)) {
    throw refusal("option_start", "start", start, `one of ${spec.starts.join(", ")}`, { starts: spec.starts });
  }
  if (start !== undefined && frames !== undefined) {
    throw refusal("option_start", "start", start, "a start or frames, not both");
  }
  if (maxTicks !== undefined && !isWhole(maxTicks)) {
    throw refusal("option_max_ticks", "maxTicks", maxTicks, "a whole number, 0 for never");
  }
}

/** The evaluations that a step asks for. Throws `OptionError`: `option_unknown`, `option_nfe`. */
export function checkStep({ nfe: range }: EnvSpec, options: StepOptions): number {
  checkKeys("step", options, ["nfe"]);
  const { min, max, default: usual } = range as NonNullable<EnvSpec["nfe"]>;
  const nfe = options.nfe ?? usual;
  if (!isWhole(nfe) || nfe < min || nfe > max) {
    throw refusal("option_nfe", "nfe", nfe, `a whole number from ${min} to ${max}`, { min, max });
  }
  return nfe;
}

/**
 * The start that a user's frames and actions describe, copied. Undefined where there are no frames.
 * Throws `OptionError` (`option_frames`, `option_actions`), and `ActionError` for an action outside the space.
 */
export function startFrom(spec: EnvSpec, { frames, actions }: ResetOptions): Start | undefined {
  if (frames === undefined) {
    if (actions === undefined) return undefined;
    throw refusal("option_actions", "actions", describe(actions), "the frames that they led through, or no actions");
  }
  const [stride = 1, height = 0, width = 0] = spec.observationSpace.spaces.frames?.shape ?? [];
  const [count = 0] = frames.shape ?? [];
  const ticks = (count - 1) / stride;
  const shape = [count, height, width, 3];
  if (!isTensor(frames, "uint8", shape) || !isWhole(ticks)) {
    const expected = `uint8 [1 + ${stride} n, ${height}, ${width}, 3]`;
    throw refusal("option_frames", "frames", describe(frames), expected);
  }
  const rows = [ticks, ...spec.actionSpace.shape];
  if (actions === undefined ? ticks > 0 : !isTensor(actions, "float32", rows)) {
    const expected = `float32 [${rows.join(", ")}], one block for each ${stride} frames after the first`;
    throw refusal("option_actions", "actions", describe(actions), expected);
  }
  const size = rows.slice(1).reduce((product, n) => product * n, 1);
  const blocks = Array.from({ length: ticks }, (_, i) => {
    const block = (actions as Tensor).data.subarray(i * size, (i + 1) * size);
    return toAction(spec.actionSpace, block as Float32Array).data;
  });
  return { frames: new Uint8Array(frames.data), actions: blocks };
}

function isTensor(tensor: Tensor, dtype: "uint8" | "float32", shape: readonly number[]): boolean {
  const type = dtype === "uint8" ? Uint8Array : Float32Array;
  const count = shape.reduce((product, n) => product * n, 1);
  const { data } = tensor;
  return (
    tensor.dtype === dtype && String(tensor.shape) === String(shape) && data instanceof type && data.length === count
  );
}

function isWhole(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function checkKeys(what: string, options: object, known: readonly string[]): void {
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    const remedy = `use one of ${known.join(", ")}`;
    throw new OptionError("option_unknown", `${what} has no option "${unknown}"`, remedy, { option: unknown });
  }
}

function describe(tensor: Tensor | undefined): string {
  return tensor === undefined ? "missing" : `${tensor.dtype} [${String(tensor.shape)}]`;
}

function refusal(code: string, option: string, value: unknown, expected: string, facts = {}): OptionError {
  return new OptionError(code, `${option} is ${String(value)}`, `give ${expected}`, {
    option,
    value: String(value),
    ...facts,
  });
}
