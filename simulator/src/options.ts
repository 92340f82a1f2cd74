// Checks of what a user passes to the simulator: unknown keys and unusable values are errors, at the first one.
import { OptionError, type ResetOptions, type StepOptions } from "@worldstep/protocols";
import { TASKS } from "./tasks.js";
import { CAMERAS, type CameraName } from "./view.js";

export interface SimulatorOptions {
  /** Pixels along each side of a frame, in [64, 256]; default 64. */
  readonly size?: number;
  /** `["table"]` (default), or both cameras: `wrist` adds the observation `wristFrames`. */
  readonly cameras?: readonly CameraName[];
  /** In [0, 1]: how far looks and physics vary with the seed; default 1. */
  readonly domain?: number;
  /** Whether some starts have a cube on another, in the bin or in the grasp; default false. */
  readonly varied?: boolean;
}

const DEFAULTS: Required<SimulatorOptions> = { size: 64, cameras: ["table"], domain: 1, varied: false };
const RESET_KEYS = ["seed", "task", "maxTicks", "start", "frames", "actions"];

/** `options` with defaults. Throws `OptionError`. */
export function settings(options: SimulatorOptions): Required<SimulatorOptions> {
  checkKeys("createSimulator", options, Object.keys(DEFAULTS));
  const all = { ...DEFAULTS, ...defined(options) };
  const { size, cameras, domain, varied } = all;
  if (!Number.isInteger(size) || size < 64 || size > 256) refuse("size", size, "a whole number from 64 to 256");
  if (!(domain >= 0 && domain <= 1)) refuse("domain", domain, "a number from 0 to 1");
  if (typeof varied !== "boolean") refuse("varied", varied, "true or false");
  const known = Array.isArray(cameras) && cameras.every((camera) => CAMERAS.includes(camera));
  if (!known || cameras[0] !== "table" || new Set(cameras).size !== cameras.length) {
    refuse("cameras", cameras, '["table"] or ["table", "wrist"]');
  }
  return all;
}

export function checkReset(options: ResetOptions): void {
  checkKeys("reset", options, RESET_KEYS);
  const { seed, task, maxTicks, start, frames, actions } = options;
  if (seed !== undefined && !(Number.isSafeInteger(seed) && seed >= 0)) {
    refuse("seed", seed, "a whole number in [0, 2^53)");
  }
  if (task !== undefined && !(TASKS as readonly string[]).includes(task)) refuse("task", task, TASKS.join(", "));
  if (maxTicks !== undefined && !(Number.isSafeInteger(maxTicks) && maxTicks >= 0)) {
    refuse("maxTicks", maxTicks, "a whole number, 0 for never");
  }
  if (start !== undefined) refuse("start", start, "a seed instead: the simulator makes its start states from it");
  if (frames !== undefined || actions !== undefined) {
    refuse("frames", "a tensor", "a seed instead: the simulator cannot start from frames");
  }
}

export function checkStep(options: StepOptions): void {
  checkKeys("step", options, ["nfe"]);
  if (options.nfe !== undefined) refuse("nfe", options.nfe, "no nfe: the simulator samples nothing");
}

function checkKeys(what: string, options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      throw new OptionError("option_unknown", `${what} has no option "${key}"`, `use one of ${known.join(", ")}`, {
        option: key,
      });
    }
  }
}

function defined<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function refuse(option: string, value: unknown, expected: string): never {
  throw new OptionError("option_invalid", `${option} is ${JSON.stringify(value)}`, `give ${expected}`, {
    option,
    value: String(value),
  });
}
