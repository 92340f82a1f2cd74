// Whether a world is one of this tabletop, and how large the frames of a simulator beside it must be.
import { isDeepStrictEqual } from "node:util";
import type { EnvSpec } from "@worldstep/protocols";
import { nearestSize } from "./options.js";

/** What a world and the simulator do not have in common. */
export interface Difference {
  readonly what: string;
  readonly world: unknown;
  readonly simulator: unknown;
}

/** The first thing in which `world` shows or takes others than `simulator` does; undefined where it is alike. */
export function differenceOf(world: EnvSpec, simulator: EnvSpec): Difference | undefined {
  const [own, wanted] = [interfaceOf(world), interfaceOf(simulator)];
  const what = Object.keys(wanted).find((key) => !isDeepStrictEqual(own[key], wanted[key]));
  return what === undefined ? undefined : { what, world: own[what], simulator: wanted[what] };
}

/** Pixels along each side of a frame: the size of those of `world`, or the nearest that a simulator can show. */
export function sizeBeside({ observationSpace }: EnvSpec): number {
  return nearestSize(observationSpace.spaces.frames?.shape[1] ?? 0);
}

function interfaceOf(spec: EnvSpec): Readonly<Record<string, unknown>> {
  const { observationSpace, action, proprioception, stride, fps } = spec;
  const frames = observationSpace.spaces.frames?.shape;
  return { frames, action, proprioception, stride, fps };
}
