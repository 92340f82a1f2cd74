// Where what is shown may not be trusted, in words: how far the two worlds are apart, and what a dream says of itself.
import type { EnvSpec } from "@worldstep/sdk";
import { isDreamed, roleOf } from "./cast.js";
import type { Duel } from "./duel.js";
import { nameOf, unitOf } from "./labels.js";
import { psnr } from "./psnr.js";
import type { AllSeen, Seen } from "./seen.js";

// In 40 ticks of `tabletop-nano` that go well tips and things stay within 1.5 cm, and pictures above 24 dB; where the arm leans
// on things they come up to 24 cm apart, and pictures down to 17 dB (32 episodes).
const PARTED_METRES = 0.02;
const PARTED_DECIBELS = 22;
const ALIKE_DECIBELS = 27;

/** How far two worlds are apart; undefined what can't be said of them. */
export interface Gap {
  /** Metres between the tips. */
  readonly metres?: number | undefined;
  /** The thing that is furthest from where the other world says it is, metres. */
  readonly thing?: { readonly name: string; readonly metres: number } | undefined;
  /** PSNR of the pictures, dB. */
  readonly decibels?: number | undefined;
}

export function gapOf({ proprioception }: EnvSpec, { left, right }: AllSeen): Gap {
  if (!left || !right) return {};
  const axes = proprioception.flatMap((label, i) => ("xyz".includes(nameOf(label)) && isMetres(label) ? [i] : []));
  const far = axes.map((i) => reading(left, i) - reading(right, i));
  const [a, b] = [left.observation.frames, right.observation.frames];
  return {
    metres: axes.length > 0 ? Math.hypot(...far) : undefined,
    thing: farthest(left.environmentState, right.environmentState),
    decibels: String(a.shape) === String(b.shape) ? psnr(a, b) : undefined,
  };
}

// What both worlds tell of by its `NAME x (m)`, `NAME y (m)`, `NAME z (m)`.
function farthest(a: Seen["environmentState"] = {}, b: Seen["environmentState"] = {}): Gap["thing"] {
  const apart = new Map<string, number>();
  for (const [label, value] of Object.entries(a)) {
    const [, name] = /^(.+) [xyz]$/.exec(nameOf(label)) ?? [];
    const other = b[label];
    if (name === undefined || other === undefined || !isMetres(label)) continue;
    apart.set(name, Math.hypot(apart.get(name) ?? 0, value - other));
  }
  const [first] = [...apart].sort(([, x], [, y]) => y - x);
  return first && { name: first[0], metres: first[1] };
}

function isMetres(label: string): boolean {
  return unitOf(label) === "m";
}

export function isParted({ metres, thing, decibels }: Gap): boolean {
  const far = Math.max(metres ?? 0, thing?.metres ?? 0);
  return far > PARTED_METRES || (decibels ?? Number.POSITIVE_INFINITY) < PARTED_DECIBELS;
}

/** `0.4 cm`. */
export function centimetres(metres: number): string {
  return `${(100 * metres).toFixed(1)} cm`;
}

export function likeness(decibels: number): string {
  if (decibels === Number.POSITIVE_INFINITY) return "the same";
  if (decibels >= ALIKE_DECIBELS) return "alike";
  return decibels >= PARTED_DECIBELS ? "alike in the main" : "unlike";
}

/** In words what a world says of how unlike its logs the tick is. It is no more than that. */
export function familiarity(uncertainty: number): string {
  if (uncertainty < 1 / 3) return "much like its logs";
  return uncertainty < 2 / 3 ? "less like its logs" : "unlike its logs";
}

/** The sentence above all: whether the dream is still where the simulator is. `since` is the tick at which they parted. */
export function verdict(duel: Duel, since: number | undefined): string {
  const specs = duel.playing.map((side) => (duel.envs[side] as { readonly spec: EnvSpec }).spec);
  const [first, second] = specs;
  if (!first) return "";
  if (!second) {
    if (!isDreamed(first)) return "The simulator alone: this is what its physics does.";
    return "A dream alone. Nothing here can tell you where it is wrong: there is no simulator beside it in this episode.";
  }
  const what = isDreamed(first) ? "the two dreams" : `the dream and ${roleOf(first)}`;
  if (since === undefined) return `So far ${what} agree.`;
  const so = isDreamed(first)
    ? "At least one of them is wrong."
    : `What the dream shows from there on is not what ${roleOf(first)} does.`;
  return `Parted since tick ${since}. ${so}`;
}

function reading({ observation }: Seen, i: number): number {
  return observation.proprioception.data[i] as number;
}
