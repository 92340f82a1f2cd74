// Which of the server's worlds stand side by side: any two that take the same actions, or one alone.
import type { EnvSpec } from "@worldstep/sdk";

export const SIDES = ["left", "right"] as const;
export type Side = (typeof SIDES)[number];

export interface Cast<S extends EnvSpec = EnvSpec> {
  readonly left: S;
  readonly right?: S;
}

/** A simulator and the first model that takes the same actions, where there are such two; else the first world alone. */
export function cast<S extends EnvSpec>(worlds: readonly S[]): Cast<S> {
  for (const left of worlds.filter((world) => !isDreamed(world))) {
    const right = partners(worlds, left).find(isDreamed);
    if (right) return { left, right };
  }
  const [left] = worlds;
  if (!left) throw new Error("a server without worlds");
  return { left };
}

/** The worlds that can stand beside `world`. */
export function partners<S extends EnvSpec>(worlds: readonly S[], world: S): S[] {
  return worlds.filter((other) => other.id !== world.id && sameActions(other, world));
}

/** Whether a model makes the world. */
export function isDreamed({ nfe }: EnvSpec): boolean {
  return nfe !== undefined;
}

/** What kind of a world it is, in a word for the visitor. */
export function roleOf(spec: EnvSpec): string {
  if (isDreamed(spec)) return "Dreamed";
  return spec.id.includes("mujoco") ? "MuJoCo" : "Simulated";
}

function sameActions(a: EnvSpec, b: EnvSpec): boolean {
  return (
    a.fps === b.fps &&
    String(a.actionSpace.shape) === String(b.actionSpace.shape) &&
    a.action.every(({ name }, i) => name === b.action[i]?.name)
  );
}
