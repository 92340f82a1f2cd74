// How long to wait before another attempt to connect.
const FIRST_MS = 50;
const LONGEST_MS = 2000;

/** Milliseconds before attempt `n` (0, 1, ...): none, then 50 doubling to 2,000, each up to a quarter longer by chance. */
export function backoffMs(n: number): number {
  if (n === 0) return 0;
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** (n - 1)) * (1 + Math.random() / 4);
}
