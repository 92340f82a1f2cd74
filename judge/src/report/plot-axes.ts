// Where a plot's axes begin and end, and what is written at them.

import type { Plot } from "../verdict.js";
import type { Row } from "./plot-rows.js";

/** Up to so many places on x, ticks are at them. */
const FEW_PLACES = 8;
/** A y axis starts at zero if the lowest value is below this share of the highest. */
const NEAR_ZERO = 0.4;
/** The same for an x axis. */
const AT_ZERO = 0.1;
/** Between the points and the ends of axes that are alike: a share of what they span; on a logarithmic scale, a factor. */
const MARGIN = 0.04;
const MARGIN_RATIO = 1.3;

/** Scale and axis of x; and of y, if the diagonal is to be one. */
export function horizontal(plot: Plot, rows: readonly Row[]) {
  const places = [...new Set(rows.map(({ x }) => x))].sort((a, b) => a - b);
  const [first = 0, last = 1] = [places[0], places.at(-1)];
  const zero = first >= 0 && first <= AT_ZERO * last;
  const numbers = numbersUpTo(last);
  const domain = plot.diagonal ? { domain: sharedDomain(plot, rows) } : {};
  if (!plot.logarithmic) {
    const nice = plot.kind === "points" && !plot.diagonal;
    return { scale: { zero, nice, ...domain }, axis: { ...numbers, tickCount: 6 } };
  }
  const ticks = logTicks(places);
  // Places within one power of ten are left to Vega.
  const axis = { ...numbers, ...(ticks.length > 1 && { values: ticks }) };
  return { scale: { type: "log", nice: false, ...domain }, axis } as const;
}

/** Scale and axis of y. */
export function vertical(plot: Plot, rows: readonly Row[]) {
  if (plot.diagonal) return horizontal(plot, rows);
  const { values, lowest, highest } = span(rows.flatMap(({ y, low, high }) => [y, low, high]));
  const zero = lowest >= 0 && lowest <= NEAR_ZERO * highest;
  const domain = values.length === 0 ? { domain: [0, 1] } : {};
  return { scale: { zero, nice: true, ...domain }, axis: { ...numbersUpTo(highest), tickCount: 5 } };
}

// All numbers of an axis in one way: "0.5M" beside "1M", and the thousands' comma only where there are five digits.
function numbersUpTo(highest: number) {
  if (highest >= 1e6) return { labelExpr: "format(datum.value, abs(datum.value) < 1 ? '~g' : '~s')" };
  // An expression, because Vega would round a bare format to the digits by which the ticks differ: 450 to "4e+2".
  return { labelExpr: `format(datum.value, '${highest >= 1e4 ? ",~g" : "~g"}')` };
}

/** Of x and y alike: from 0 to 1 where all are shares, else what they span and a little more. */
function sharedDomain({ logarithmic = false }: Plot, rows: readonly Row[]): [number, number] {
  const { values, lowest, highest } = span(rows.flatMap(({ x, y, low, high }) => [x, y, low, high]));
  if (logarithmic) return values.length === 0 ? [1, 10] : [lowest / MARGIN_RATIO, highest * MARGIN_RATIO];
  if (values.length === 0 || (lowest >= 0 && highest <= 1)) return [0, 1];
  const margin = MARGIN * (highest - lowest || 1);
  return [lowest - margin, highest + margin];
}

function span(all: readonly (number | null)[]) {
  const values = all.filter((value) => value !== null);
  return { values, lowest: Math.min(...values), highest: Math.max(...values) };
}

/** Where something was measured; or where that is at many places, powers of ten, with 3, 30 and so on if they are few. */
function logTicks(places: readonly number[]): number[] {
  if (places.length <= FEW_PLACES) return [...places];
  const [first, last] = [places[0] as number, places.at(-1) as number];
  const powers: number[] = [];
  for (let power = Math.floor(Math.log10(first)); 10 ** power <= last; power++) powers.push(10 ** power);
  const ticks = powers.length > 3 ? powers : powers.flatMap((power) => [power, 3 * power]);
  return ticks.filter((tick) => tick >= first && tick <= last);
}
