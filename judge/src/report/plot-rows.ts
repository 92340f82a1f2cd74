// The points of a plot as rows of a table, which is what Vega draws.

import type { Plot, Point } from "../verdict.js";
import { formatTogether } from "./numbers.js";

/** Up to so many points a series, a line shows where it was measured. */
const FEW_POINTS = 16;
/** Up to so many points in a scatter have their labels beside them. */
const FEW_LABELS = 10;

/** A point of any series, with null for what is missing or has no place on the axes. */
export interface Row {
  readonly series: string;
  readonly x: number;
  readonly y: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly label: string;
  /** Whether it is drawn as a point, be it on a line. */
  readonly marked: boolean;
  /** What is shown when it is pointed at. */
  readonly tip: string;
}

/** All points that have a place on the x axis. */
export function rowsOf(plot: Plot): Row[] {
  return plot.series.flatMap(({ name, points }) => {
    const few = points.length <= FEW_POINTS;
    return points
      .filter(({ x }) => hasPlace(x, plot.logarithmic))
      .map((point) => rowOf(plot, name, point, plot.kind === "points" || few));
  });
}

function hasPlace(value: number, logarithmic = false): boolean {
  return Number.isFinite(value) && (!logarithmic || value > 0);
}

function rowOf(
  plot: Plot,
  series: string,
  { x, y, low = Number.NaN, high = Number.NaN, label = "" }: Point,
  marked: boolean,
): Row {
  const logarithmic = plot.logarithmic && plot.diagonal;
  const known = hasPlace(y, logarithmic);
  const bounded = known && hasPlace(low, logarithmic) && hasPlace(high, logarithmic);
  const [value, from, to] = formatTogether([y, low, high]);
  const names = [label, plot.series.length > 1 ? series : ""].filter((name) => name !== "");
  const lines = [
    names.join(", "),
    `${plot.x}: ${Number(x.toPrecision(4))}`,
    `${plot.y}: ${value}${bounded ? ` [${from}, ${to}]` : ""}`,
  ];
  return {
    series,
    x,
    y: known ? y : null,
    low: bounded ? low : null,
    high: bounded ? high : null,
    label,
    marked,
    tip: lines.filter((line) => line !== "").join("\n"),
  };
}

/** Whether labels are to be put beside the points. */
export function isLabelled({ kind }: Plot, rows: readonly Row[]): boolean {
  const labels = rows.filter(({ label }) => label !== "");
  return kind === "points" && labels.length > 0 && labels.length <= FEW_LABELS;
}
