// Numbers as people read them.

/** Significant digits of a number alone; of half an interval; and at most of the largest number of an interval. */
const DIGITS = 3;
const INTERVAL_DIGITS = 2;
const MOST_DIGITS = 4;
/** Magnitudes outside of these are written with a power of ten. */
const SMALLEST = 1e-4;
const LARGEST = 1e9;

/**
 * Numbers that are read together, such as a value and the ends of its interval, as texts with equally many decimals: as
 * many as half of what they span deserves. NaN is "n/a".
 */
export function formatTogether(values: readonly number[]): string[] {
  const finite = values.filter(Number.isFinite);
  const largest = Math.max(0, ...finite.map(Math.abs));
  const half = (Math.max(...finite) - Math.min(...finite)) / 2;
  const needed =
    half > 0 ? Math.min(decimals(half, INTERVAL_DIGITS), decimals(largest, MOST_DIGITS)) : decimals(largest, DIGITS);
  return values.map((value) => format(value, largest, finite.every(Number.isInteger) ? 0 : Math.max(0, needed)));
}

/** How many decimals give the number so many significant digits. */
function decimals(value: number, digits: number): number {
  return value === 0 ? 0 : digits - 1 - Math.floor(Math.log10(value));
}

function format(value: number, largest: number, places: number): string {
  if (Number.isNaN(value)) return "n/a";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (largest > 0 && (largest < SMALLEST || largest >= LARGEST)) return minus(value.toExponential(DIGITS - 1));
  return minus(value.toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places }));
}

// The sign that is as wide as a digit; and no "−0.00".
function minus(text: string): string {
  return /[1-9]/.test(text) ? text.replaceAll("-", "−") : text.replace("-", "");
}
