// Checks of how a user makes a simulator: unknown keys and unusable values are errors, at the first one.
import { checkKeys, OptionError } from "@worldstep/protocols";
import { CAMERAS, type CameraName } from "./view.js";

export interface SimulatorOptions {
  /** Pixels along each side of a frame, in [16, 256]; default 64. */
  readonly size?: number;
  /** Draws the newest frame of a tick alone, and shows it in place of the others: faster, for who looks at no other; default false. */
  readonly newestOnly?: boolean;
  /** `["table"]` (default), or both cameras: `wrist` adds the observation `wristFrames`. */
  readonly cameras?: readonly CameraName[];
  /** In [0, 1]: how far looks and physics vary with the seed; default 1. */
  readonly domain?: number;
  /** Whether some starts have a cube on another, in the bin or in the grasp; default false. */
  readonly varied?: boolean;
  /** In [0, 1]: how likely each cube is not there at all; default 0. It lies behind the arm then, out of sight. */
  readonly missing?: number;
}

const DEFAULTS: Required<SimulatorOptions> = {
  size: 64,
  newestOnly: false,
  cameras: ["table"],
  domain: 1,
  varied: false,
  missing: 0,
};
const SMALLEST = 16;
const LARGEST = 256;

/** The number of pixels nearest to `size` that a frame can have along each side. */
export function nearestSize(size: number): number {
  return Math.min(LARGEST, Math.max(SMALLEST, Math.round(size)));
}

/** `options` with defaults. Throws `OptionError`. */
export function settings(options: SimulatorOptions): Required<SimulatorOptions> {
  checkKeys("createSimulator", options, Object.keys(DEFAULTS));
  const all = { ...DEFAULTS, ...defined(options) };
  const { size, newestOnly, cameras, domain, varied, missing } = all;
  if (size !== nearestSize(size)) refuse("size", size, `a whole number from ${SMALLEST} to ${LARGEST}`);
  if (typeof newestOnly !== "boolean") refuse("newestOnly", newestOnly, "true or false");
  if (!(domain >= 0 && domain <= 1)) refuse("domain", domain, "a number from 0 to 1");
  if (!(missing >= 0 && missing <= 1)) refuse("missing", missing, "a number from 0 to 1");
  if (typeof varied !== "boolean") refuse("varied", varied, "true or false");
  const known = Array.isArray(cameras) && cameras.every((camera) => CAMERAS.includes(camera));
  if (!known || cameras[0] !== "table" || new Set(cameras).size !== cameras.length) {
    refuse("cameras", cameras, '["table"] or ["table", "wrist"]');
  }
  return all;
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
