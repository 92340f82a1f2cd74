// Random play for a page that nobody steers: from place to place over the table, down to it now and then, turning and
// gripping. Where the world doesn't say where the tip is, it wanders.
import type { EnvSpec, Tensor } from "@worldstep/sdk";
import { channelOf, type Move, STILL } from "./move.js";
import { BUSY_BOX } from "./tabletop.js";

const TOP_SPEED = 0.75;
// The share of the last move in the next: keeps the path smooth.
const INERTIA = 0.55;
// A place is left after so many ticks at the latest: a cube, or the end of the workspace, may be in the way.
const PATIENCE_TICKS = 18;
const NEAR_METRES = 0.02;
const GRIP_CHANCE = 0.35;

// Which reading each channel of motion changes.
const READINGS = { dx: "x", dy: "y", dz: "z", yaw: "yaw" } as const;
const POSITION = ["x", "y", "z"];

export class Autopilot {
  #move: Move = STILL;
  #place: Readonly<Record<string, number>> = {};
  #ticksLeft = 0;
  #grip = 0;

  /** The next move, from where the tip is: `proprioception`, shape `[P]`, as `spec` names it. */
  next(spec: EnvSpec, proprioception: Tensor | undefined): Move {
    const at = (key: string): number | undefined =>
      proprioception?.data[spec.proprioception.findIndex((name) => name.split(" ", 1)[0] === key)];
    const far = Math.max(...POSITION.map((key) => Math.abs((this.#place[key] ?? 0) - (at(key) ?? 0))));
    this.#ticksLeft -= 1;
    if (this.#ticksLeft < 0 || far < NEAR_METRES) this.#leave();
    else this.#grip = 0;

    const towards = (key: keyof typeof READINGS): number => {
      const now = at(READINGS[key]);
      if (now === undefined) return this.#smooth(key, spread(TOP_SPEED));
      const perTick = (channelOf(spec, key)?.size ?? 1) * spec.stride;
      return this.#smooth(key, ((this.#place[READINGS[key]] ?? now) - now) / perTick);
    };
    this.#move = {
      dx: towards("dx"),
      dy: towards("dy"),
      dz: towards("dz"),
      yaw: towards("yaw"),
      gripper: this.#grip,
    };
    return this.#move;
  }

  #leave(): void {
    this.#place = Object.fromEntries(
      Object.entries(BUSY_BOX).map(([key, [low, high]]) => [key, low + Math.random() * (high - low)]),
    );
    this.#ticksLeft = PATIENCE_TICKS;
    this.#grip = Math.random() < GRIP_CHANCE ? Math.sign(spread(1)) : 0;
  }

  #smooth(key: keyof Move, wanted: number): number {
    const bounded = Math.min(TOP_SPEED, Math.max(-TOP_SPEED, wanted));
    return INERTIA * this.#move[key] + (1 - INERTIA) * bounded;
  }
}

function spread(width: number): number {
  return (2 * Math.random() - 1) * width;
}
