// Which seeds episodes get: training and evaluation never share one, by construction.

const HALF_RANGE = 2 ** 30;

/** Reset seed of episode `i` of the training set of `seed`: even, below 2^31. */
export function trainingSeed(seed: number, i: number): number {
  return 2 * ((seed * 1_000_000 + i) % HALF_RANGE);
}

/** Reset seed of held-out episode `i` of `seed`: odd, below 2^31. */
export function heldOutSeed(seed: number, i: number): number {
  return trainingSeed(seed, i) + 1;
}
