// An episode across a reload or a long loss of the connection: the sessions live on at the server for a while, and the
// page keeps what it needs to go on with them. Kept for this tab, and taken once, so that a copied tab steals nothing.
import { byteTensor, floatTensor, type SessionKey, splitFrames } from "@worldstep/sdk";
import type { Side } from "./cast.js";
import { LOOKS } from "./pilot.js";
import type { Seen, Start } from "./seen.js";

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

/** An expert's plan, by what it looked at. */
export interface SavedPlan {
  readonly side: Side;
  /** The tick at which it began. */
  readonly since: number;
  /** The rows of `Pilot.looked`, in base 64. */
  readonly looked: string;
}

export interface SavedPage {
  readonly paused: boolean;
  /** Whether the page's expert plays. */
  readonly piloted: boolean;
  /** Undefined where there is no episode to go on with. */
  readonly duel?: SavedDuel | undefined;
  readonly plan?: SavedPlan | undefined;
}

const KEY = "worldstep-episode";

export function save(page: SavedPage): void {
  sessionStorage.setItem(KEY, JSON.stringify(page));
}

/** What was saved last; it is gone then. */
export function takeSaved(): SavedPage | undefined {
  const text = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  return text === null ? undefined : (JSON.parse(text) as SavedPage);
}

export function savedLooks(looked: readonly Float32Array[]): string {
  return base64(looked.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength)));
}

export function looksAgain(looked: string): Float32Array[] {
  const all = new Float32Array(bytesOf(looked).buffer);
  return Array.from({ length: all.length / LOOKS }, (_, i) => all.subarray(i * LOOKS, (i + 1) * LOOKS));
}

export function savedSeen({ observation, ...seen }: Seen): SavedSeen {
  const frame = splitFrames(observation).at(-1);
  return {
    ...seen,
    frame: base64(frame ? [frame.data] : []),
    shape: frame?.shape ?? [],
    proprioception: kept(observation.proprioception.data),
  };
}

export function seenAgain({ frame, shape, proprioception, ...seen }: SavedSeen): Seen {
  const frames = byteTensor(bytesOf(frame), [1, ...shape]);
  return {
    ...seen,
    total: seen.total ?? Number.NaN, // JSON has no NaN
    observation: { frames, proprioception: floatTensor(Float32Array.from(proprioception), [proprioception.length]) },
  };
}

export function kept(values: ArrayLike<number>): number[] {
  return Array.from(values);
}

function base64(parts: readonly Uint8Array[]): string {
  return btoa(parts.map((bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")).join(""));
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
