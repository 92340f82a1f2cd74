// Where keys and queries are, as angles by which their rotary parts are turned (RoPE, arXiv 2104.09864, in time, row and
// column). Time is relative to the tick that looks: what is kept is kept un-turned, so a rollout has no end.
import { ROTARY, TURNS } from "../world-tensors.js";

const HALF = ROTARY / 2;

/**
 * Writes what turns the rotary part of tokens of one tick: into `cos` `[L, ROTARY]` the cosines of their angles, once for
 * each of a pair; into `sin` the sines, negative for the first of a pair. `time`: of the tick, in ticks.
 */
export function writeTurns(cos: Float32Array, sin: Float32Array, time: number): void {
  const side = Math.sqrt(cos.length / ROTARY);
  for (let token = 0; token < side * side; token++) {
    for (const [axis, place] of [time, Math.floor(token / side), token % side].entries()) {
      for (const [i, rate] of TURNS.entries()) {
        const at = token * ROTARY + axis * TURNS.length + i;
        cos[at] = cos[at + HALF] = Math.cos(place * rate);
        sin[at + HALF] = Math.sin(place * rate);
        sin[at] = -(sin[at + HALF] as number);
      }
    }
  }
}
