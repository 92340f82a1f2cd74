// What the networks say of a tick, in the units of the world's names.
import { WorldError } from "@worldstep/protocols";
import type { Reading } from "./episode.js";
import type { Heads } from "./networks.js";
import type { WorldManifest } from "./world/schema.js";

type States = WorldManifest["state"];

/** Of a tick, as the network puts it out. */
export function readingOf(states: States, { reward, success, state }: Heads): Reading {
  const shown = state.map((x, i) => readerOf(states, i)(x));
  return {
    reward,
    success: success.map(probability),
    proprioception: shown.slice(0, states.proprioception),
    environmentState: shown.slice(states.proprioception),
  };
}

/** What makes element `i` of a normalised state vector a number in the unit of its name, float32. */
export function readerOf(states: States, i: number): (x: number) => number {
  const { proprioception, low, high } = states;
  const { mean, std } = channelOf(states, i);
  if (i >= proprioception) return (x) => Math.fround(x * std + mean);
  return (x) => Math.fround(Math.min(high, Math.max(low, Math.fround(x * std + mean))));
}

/** `state` `[Q]`, normalised, with the known `proprioception` `[P]`, in the units of its names, in the place of its own. */
export function knowing(states: States, state: Float32Array, proprioception: Float32Array): Float32Array {
  const known = state.slice();
  known.set(proprioception.map((x, k) => (x - channelOf(states, k).mean) / channelOf(states, k).std));
  return known;
}

/** Of a logit. */
export function probability(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}

/** A number that is none would be in all ticks to come. Throws `WorldError` (`numbers_not_finite`). */
export function checkFinite(parts: readonly Float32Array[], tick: number): void {
  if (parts.every(areFinite)) return;
  const remedy = "reset; if the start was an ordinary one, the world's weights are broken";
  throw new WorldError("numbers_not_finite", `tick ${tick} of the episode came out as NaN or infinity`, remedy, {
    tick,
  });
}

function areFinite(numbers: Float32Array): boolean {
  for (let i = 0; i < numbers.length; i++) if (!Number.isFinite(numbers[i])) return false;
  return true;
}

function channelOf({ channels }: States, i: number): States["channels"][number] {
  return channels[i] as States["channels"][number];
}
