// Options that must be right before they can be sent. The server checks the rest, for it knows the world.
import {
  type ByteTensor,
  type EnvSpec,
  type FloatTensor,
  OptionError,
  type ResetOptions,
  type StepOptions,
} from "@worldstep/protocols";

const RESET_KEYS: readonly (keyof ResetOptions)[] = ["seed", "task", "start", "frames", "actions", "maxTicks"];
const STEP_KEYS: readonly (keyof StepOptions)[] = ["nfe"];

/** Throws `OptionError`: `option_unknown`, `option_seed`, `option_max_ticks`. */
export function checkResetOptions(options: ResetOptions): void {
  checkKeys("reset", options, RESET_KEYS);
  const { seed, maxTicks } = options;
  if (seed !== undefined && !isWhole(seed)) {
    const remedy = "give a whole number in [0, 2^53), or none";
    throw new OptionError("option_seed", `the seed is ${seed}`, remedy, { seed: String(seed) });
  }
  if (maxTicks !== undefined && !isWhole(maxTicks)) {
    const remedy = "give a whole number >= 0; 0 for never";
    throw new OptionError("option_max_ticks", `maxTicks is ${maxTicks}`, remedy, { maxTicks: String(maxTicks) });
  }
}

/** Throws `OptionError`: `option_unknown`, `option_nfe`. */
export function checkStepOptions({ nfe: range }: EnvSpec, options: StepOptions): void {
  checkKeys("step", options, STEP_KEYS);
  const { nfe } = options;
  if (nfe === undefined) return;
  if (range === undefined) {
    throw new OptionError("option_nfe", "this world samples nothing", "leave nfe out", { nfe: String(nfe) });
  }
  if (!isWhole(nfe) || nfe < range.min || nfe > range.max) {
    const remedy = `give a whole number from ${range.min} to ${range.max}`;
    throw new OptionError("option_nfe", `nfe is ${nfe}`, remedy, { nfe: String(nfe), ...range });
  }
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** The tensors of a reset. Throws `OptionError`: `option_frames`, `option_actions`. */
export function resetTensors({ frames, actions }: ResetOptions): { frames?: ByteTensor; actions?: FloatTensor } {
  if (frames && frames.dtype !== "uint8") {
    throw new OptionError("option_frames", `the frames are ${frames.dtype}`, "give uint8");
  }
  if (actions && actions.dtype !== "float32") {
    throw new OptionError("option_actions", `the actions are ${actions.dtype}`, "give float32");
  }
  return { ...(frames && { frames: frames as ByteTensor }), ...(actions && { actions: actions as FloatTensor }) };
}

function checkKeys(call: string, options: object, known: readonly string[]): void {
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new OptionError("option_unknown", `${call}() has no option "${unknown}"`, `use ${known.join(", ")}`, {
    option: unknown,
  });
}
