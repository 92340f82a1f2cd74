// What the judge finds: plain data, which becomes JSON for programs and a page for people.

export interface Metric {
  readonly value: number;
  readonly unit: string;
  /** Ends of the 95 % interval, or of the range where the part says so. */
  readonly low?: number;
  readonly high?: number;
  /** How many samples `value` stands on. */
  readonly n?: number;
  /** What the simulator itself scored, measured in the same way. */
  readonly simulator?: number;
}

export type Metrics = Readonly<Record<string, Metric>>;

/** A point, and the ends of its 95 % interval in y where it has one. */
export interface Point {
  readonly x: number;
  readonly y: number;
  readonly low?: number;
  readonly high?: number;
  /** What the point is, where points are told apart. */
  readonly label?: string;
}

export interface Plot {
  readonly title: string;
  /** With units. */
  readonly x: string;
  readonly y: string;
  readonly kind: "lines" | "points";
  /** Whether x is drawn on a logarithmic scale. */
  readonly logarithmic?: boolean;
  /** Draws the line y = x: where points should lie. */
  readonly diagonal?: boolean;
  readonly series: readonly { readonly name: string; readonly points: readonly Point[] }[];
}

/** A strip of frames. */
export interface Strip {
  readonly title: string;
  /** PNG. */
  readonly png: Uint8Array;
}

/** What one part found. */
export interface Section {
  readonly title: string;
  /** What was done, in a few sentences. */
  readonly text: string;
  readonly metrics: Metrics;
  /** The simulator's own value of a metric, measured in the same way; by the metric's name. */
  readonly reference: Metrics;
  readonly plots: readonly Plot[];
  readonly pictures: readonly Strip[];
}

export interface Verdict {
  /** What was judged: the world's id, its description, and the hash that names it with all its files. */
  readonly subject: { readonly id: string; readonly description: string; readonly hash: string };
  /** What to type to do it again. */
  readonly command: string;
  /** Versions of what ran, and the machine that ran it. */
  readonly versions: Readonly<Record<string, string>>;
  /** Parts by name, in order. */
  readonly sections: Readonly<Record<string, Section>>;
}
