// How an episode of the page begins, and what its worlds show.
import type { Observation } from "@worldstep/sdk";
import type { Side } from "./cast.js";
import type { OwnPicture } from "./picture.js";

export interface Start {
  readonly seed: number;
  readonly task: string;
  /** As `ResetOptions.maxTicks`; undefined for the world's own. */
  readonly maxTicks: number | undefined;
  /** Worlds that can start from it do, the others sit out. */
  readonly picture?: OwnPicture | undefined;
}

/** What one world showed last. After a reset there is no reward yet, and `ms` is 0. */
export interface Seen {
  readonly observation: Observation;
  readonly reward: number;
  /** Rewards since the reset; NaN where a tick was missed. */
  readonly total: number;
  readonly terminated: boolean;
  readonly truncated: boolean;
  readonly success: boolean;
  /** What the world took for the tick, as the server measured it. */
  readonly ms: number;
  /** Where things are, as the world says, by name. */
  readonly environmentState?: Readonly<Record<string, number>>;
  /** Which of the world's experts made the tick, where it has some. */
  readonly expert?: number;
  /** How unlike the world's logs the tick is, in [0, 1], where the world says. */
  readonly uncertainty?: number;
}

export type AllSeen = Readonly<Partial<Record<Side, Seen>>>;
