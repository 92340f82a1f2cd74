// Where keys and queries are, as angles by which their rotary parts are turned (RoPE, arXiv 2104.09864, in time, row and
// column). Time is relative to the tick that looks: what is kept is kept un-turned, so a rollout has no end.

/**
 * Writes what turns the rotary part of tokens of one tick: into `cos` `[L, R]` the cosines of their angles, once for
 * each of a pair; into `sin` the sines, negative for the first of a pair. `rates`: radians a tick, a row and a column, of
 * each pair, R / 6. `time`: of the tick, in ticks.
 */
export function writeTurns(cos: Float32Array, sin: Float32Array, rates: readonly number[], time: number): void {
  const [size, half] = [6 * rates.length, 3 * rates.length];
  const side = Math.sqrt(cos.length / size);
  for (let token = 0; token < side * side; token++) {
    for (const [axis, place] of [time, Math.floor(token / side), token % side].entries()) {
      for (const [i, rate] of rates.entries()) {
        const at = token * size + axis * rates.length + i;
        cos[at] = cos[at + half] = Math.cos(place * rate);
        sin[at + half] = Math.sin(place * rate);
        sin[at] = -(sin[at + half] as number);
      }
    }
  }
}
