// An episode across a reload or a long loss of the connection: the sessions live on at the server for a while, and the
// page keeps what it needs to go on with them. Kept for this tab, and taken once, so that a copied tab steals nothing.
import { byteTensor, floatTensor, type SessionKey, splitFrames } from "@worldstep/sdk";
import type { Side } from "./cast.js";
import type { Seen, Start } from "./duel.js";

interface SavedSeen extends Omit<Seen, "observation"> {
  /** The newest frame's bytes in base 64, and its shape `[H, W, 3]`. */
  readonly frame: string;
  readonly shape: readonly number[];
  readonly proprioception: readonly number[];
}

export interface SavedDuel {
  readonly sessions: Readonly<Partial<Record<Side, SessionKey>>>;
  readonly start: Start;
  readonly tick: number;
  readonly seen: Readonly<Partial<Record<Side, SavedSeen>>>;
  /** The block that was on its way. */
  readonly sent?: readonly number[];
}

const KEY = "worldstep-episode";

export function save(duel: SavedDuel | undefined): void {
  if (duel) sessionStorage.setItem(KEY, JSON.stringify(duel));
  else sessionStorage.removeItem(KEY);
}

/** What was saved last; it is gone then. */
export function takeSaved(): SavedDuel | undefined {
  const text = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  return text === null ? undefined : (JSON.parse(text) as SavedDuel);
}

export function savedSeen({ observation, ...seen }: Seen): SavedSeen {
  const frame = splitFrames(observation).at(-1);
  const bytes = Array.from(frame?.data ?? [], (byte) => String.fromCharCode(byte));
  return {
    ...seen,
    frame: btoa(bytes.join("")),
    shape: frame?.shape ?? [],
    proprioception: kept(observation.proprioception.data),
  };
}

export function seenAgain({ frame, shape, proprioception, ...seen }: SavedSeen): Seen {
  const data = Uint8Array.from(atob(frame), (character) => character.charCodeAt(0));
  const frames = byteTensor(data, [1, ...shape]);
  return {
    ...seen,
    total: seen.total ?? Number.NaN, // JSON has no NaN
    observation: { frames, proprioception: floatTensor(Float32Array.from(proprioception), [proprioception.length]) },
  };
}

export function kept(values: ArrayLike<number>): number[] {
  return Array.from(values);
}
