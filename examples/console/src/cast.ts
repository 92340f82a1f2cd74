// Which of the server's worlds plays which part: the real one (a simulator) and the dreamed one (a model), side by side.
import type { EnvSpec } from "@worldstep/sdk";

export const SIDES = ["real", "dreamed"] as const;
export type Side = (typeof SIDES)[number];

export type Cast<S extends EnvSpec> = Partial<Record<Side, S>>;

/**
 * The first world that samples nothing as the real one, and the first that can take the same actions as the dreamed one,
 * a model if there is any. A single world has its part alone.
 */
export function cast<S extends EnvSpec>(worlds: readonly S[]): Cast<S> {
  const real = worlds.find(({ nfe }) => nfe === undefined);
  const others = worlds.filter((world) => world !== real && (!real || sameActions(world, real)));
  const dreamed = others.find(({ nfe }) => nfe !== undefined) ?? others[0];
  return { ...(real && { real }), ...(dreamed && { dreamed }) };
}

/** Whether `dreamed` can start from the first frame of `real`, and so show the same scene. */
export function canFollow(dreamed: EnvSpec, real: EnvSpec): boolean {
  return dreamed.acceptsFrames && frameSize(dreamed) === frameSize(real);
}

/** `"height x width"` of the frames. */
export function frameSize({ observationSpace }: EnvSpec): string {
  return observationSpace.spaces.frames?.shape.slice(1, 3).join(" x ") ?? "";
}

function sameActions(a: EnvSpec, b: EnvSpec): boolean {
  return a.fps === b.fps && String(a.actionSpace.shape) === String(b.actionSpace.shape);
}
