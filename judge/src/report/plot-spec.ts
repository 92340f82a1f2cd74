// A plot of the verdict in the words of Vega-Lite.
import type { TopLevelSpec } from "vega-lite";
import type { Plot } from "../verdict.js";
import { horizontal, vertical } from "./plot-axes.js";
import type { Row } from "./plot-rows.js";
import { textWidth, wrapped } from "./plot-text.js";

/** Of the whole picture: two fit beside one another on a desk, and one on a phone without shrinking. */
const WIDTH = 440;
const HEIGHT = 250;
const FONT_SIZE = 12;
const TITLE_SIZE = 14;
/** How much wider bold letters are. */
const BOLD = 1.12;
/** Room that the axis at the left takes. */
const AXIS = 60;
/** And a symbol of the legend, with the room around it. */
const SYMBOL = 36;

/** Okabe and Ito's colours, which colour-blind people can tell apart; without yellow, which no paper shows. */
const COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"];
/** One for each round of the colours: so 24 series can be told apart. */
const DASHES = [[], [6, 3], [2, 2], [8, 3, 2, 3]];
const SHAPES = ["circle", "square", "triangle-up", "diamond"];

type Layers = Extract<TopLevelSpec, { layer: unknown }>["layer"];

/** The plot of `rows`, which are `rowsOf(plot)`; `titled` puts its title on top of it. */
export function specOf(plot: Plot, rows: readonly Row[], titled: boolean): TopLevelSpec {
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    width: WIDTH,
    height: HEIGHT,
    autosize: { type: "fit-x", contains: "padding" },
    padding: titled ? 12 : 4,
    background: "transparent",
    ...(titled && { title: wrapped(plot.title, BOLD * TITLE_SIZE, WIDTH) }),
    data: { values: rows },
    layer: [
      ...(plot.diagonal ? [DIAGONAL] : []),
      ...(plot.kind === "lines" ? lines(plot, rows) : scatter(plot, rows)),
      ...(rows.some(({ y }) => y !== null) ? [] : [NOTHING]),
    ],
    encoding: {
      x: { field: "x", type: "quantitative", title: axisTitle(plot.x, WIDTH - AXIS), ...horizontal(plot, rows) },
      y: { field: "y", type: "quantitative", title: axisTitle(plot.y, HEIGHT), ...vertical(plot, rows) },
      color: bySeries(plot, (i) => at(COLOURS, i)),
    },
    config: {
      aria: false,
      font: "sans-serif",
      view: { stroke: null },
      title: { anchor: "start", fontSize: TITLE_SIZE, fontWeight: 600, color: "currentColor", offset: 10 },
      axis: {
        labelFontSize: FONT_SIZE,
        titleFontSize: FONT_SIZE,
        titleFontWeight: 400,
        labelColor: "currentColor",
        titleColor: "currentColor",
        domainColor: "currentColor",
        domainOpacity: 0.4,
        tickColor: "currentColor",
        tickOpacity: 0.4,
        tickSize: 4,
        gridColor: "currentColor",
        gridOpacity: 0.12,
        titlePadding: 8,
        labelOverlap: "greedy",
        labelSeparation: 3,
      },
      axisX: { grid: plot.kind === "points", labelFlush: false },
      axisY: { domain: false, ticks: false, labelPadding: 6 },
      legend: {
        labelFontSize: FONT_SIZE,
        labelColor: "currentColor",
        symbolStrokeWidth: 2,
        symbolSize: 70,
        symbolOpacity: 1,
        ...(plot.kind === "lines" && { symbolType: "stroke", symbolFillColor: "transparent" }),
        columnPadding: 16,
        rowPadding: 3,
        offset: 8,
      },
    },
  };
}

function lines(plot: Plot, rows: readonly Row[]): Layers {
  return [
    ...(rows.some(({ low }) => low !== null)
      ? [
          {
            mark: { type: "area", opacity: 0.18, invalid: "break-paths-filter-domains", line: false },
            encoding: INTERVAL,
          } as const,
        ]
      : []),
    {
      mark: { type: "line", strokeWidth: 2, invalid: "break-paths-filter-domains", strokeJoin: "round" },
      encoding: { strokeDash: bySeries(plot, (i) => at(DASHES, Math.floor(i / COLOURS.length))) },
    },
    points(40),
  ];
}

function scatter(plot: Plot, rows: readonly Row[]): Layers {
  const crowded = rows.length > 24;
  return [
    ...(rows.some(({ low }) => low !== null)
      ? [
          {
            mark: { type: "rule", opacity: crowded ? 0.35 : 0.6, strokeWidth: crowded ? 1 : 1.5 },
            encoding: INTERVAL,
          } as const,
        ]
      : []),
    points(crowded ? 45 : 60, { shape: bySeries(plot, (i) => at(SHAPES, i)) }),
  ];
}

function points(size: number, encoding: object = {}): Layers[number] {
  return {
    transform: [{ filter: "datum.marked" }],
    mark: { type: "point", filled: true, opacity: 0.9, size, aria: true },
    encoding: { description: { field: "tip" }, ...encoding },
  };
}

// From corner to corner: both axes have the same domain.
const DIAGONAL = {
  data: { values: [{}] },
  mark: { type: "rule", color: "currentColor", opacity: 0.45, strokeDash: [4, 4] },
  encoding: {
    x: { value: 0 },
    y: { value: "height" },
    x2: { value: "width" },
    y2: { value: 0 },
    color: { value: "currentColor" },
  },
} as unknown as Layers[number];

const NOTHING = {
  data: { values: [{}] },
  mark: { type: "text", text: "no values", color: "currentColor", opacity: 0.6, fontSize: FONT_SIZE },
  encoding: {
    x: { value: { expr: "width / 2" } },
    y: { value: { expr: "height / 4" } },
    color: { value: "currentColor" },
  },
} as unknown as Layers[number];

const INTERVAL = { y: { field: "low", type: "quantitative" }, y2: { field: "high" } } as const;
function axisTitle(text: string, width: number): string[] {
  return wrapped(text, FONT_SIZE, width);
}

/** A channel that tells series apart: `of` the series' place among them. */
function bySeries({ series }: Plot, of: (i: number) => string | number[]) {
  const names = series.map(({ name }) => name);
  const scale = { domain: names, range: names.map((_, i) => of(i)) };
  return { field: "series", type: "nominal", legend: names.length > 1 ? legendOf(names) : null, scale } as never;
}

function at<T>(list: readonly T[], i: number): T {
  return list[i % list.length] as T;
}

function legendOf(names: readonly string[]) {
  const widths = names.map((name) => textWidth(name, FONT_SIZE) + SYMBOL);
  const wide = (columns: number) => {
    const widest = (column: number) => Math.max(...widths.filter((_, i) => i % columns === column));
    return Array.from({ length: columns }, (_, column) => widest(column)).reduce((sum, width) => sum + width, 0);
  };
  let columns = names.length;
  while (columns > 1 && wide(columns) > WIDTH - AXIS) columns--;
  return { title: null, orient: "top", direction: "horizontal", columns, labelLimit: WIDTH - SYMBOL } as const;
}
