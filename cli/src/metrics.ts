// Results that are numbers: a table for people, one line of JSON for programs.

export interface Metric {
  readonly value: number;
  readonly unit: string;
  /** Ends of the 95 % interval, or of the range where the command says so. */
  readonly low?: number;
  readonly high?: number;
  /** How many samples `value` stands on. */
  readonly n?: number;
}

export type Metrics = Readonly<Record<string, Metric>>;

/** What a command prints on stdout: the table, or with `json` one object on one line. */
export function formatMetrics(metrics: Metrics, json: boolean): string {
  if (json) return `${JSON.stringify(metrics)}\n`;
  const width = Math.max(...Object.keys(metrics).map((name) => name.length));
  return Object.entries(metrics)
    .map(([name, metric]) => `${name.padEnd(width)}  ${describe(metric)}\n`)
    .join("");
}

function describe({ value, unit, low, high, n }: Metric): string {
  const range = low === undefined || high === undefined ? "" : `  [${short(low)}, ${short(high)}]`;
  return `${short(value)} ${unit}${range}${n === undefined ? "" : `  n = ${n}`}`;
}

function short(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(4);
}
