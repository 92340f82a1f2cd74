// Results that are numbers: a table for people, one line of JSON for programs.
import type { Metric, Metrics } from "@worldstep/judge";

/** What a command prints on stdout: the table, or with `json` one object on one line. */
export function formatMetrics(metrics: Metrics, json: boolean): string {
  if (json) return `${JSON.stringify(metrics)}\n`;
  const width = Math.max(...Object.keys(metrics).map((name) => name.length));
  return Object.entries(metrics)
    .map(([name, metric]) => `${name.padEnd(width)}  ${describe(metric)}\n`)
    .join("");
}

function describe({ value, unit, low, high, n, simulator }: Metric): string {
  const range = low === undefined || high === undefined ? "" : `  [${short(low)}, ${short(high)}]`;
  const count = n === undefined ? "" : `  n = ${n}`;
  const beside = simulator === undefined ? "" : `  (simulator: ${short(simulator)})`;
  return `${short(value)} ${unit}${range}${count}${beside}`;
}

function short(value: number): string {
  if (Number.isNaN(value)) return "n/a";
  return Number.isInteger(value) ? String(value) : value.toPrecision(4);
}
