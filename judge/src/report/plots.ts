// Plots of the verdict as pictures: SVG for the page, PNG for elsewhere.
import { createRequire } from "node:module";
import { Resvg } from "@resvg/resvg-js";
import * as vega from "vega";
import { compile } from "vega-lite";
import type { Plot } from "../verdict.js";
import { escaped } from "./html.js";
import { type Anchor, labelsMark, placeLabels } from "./plot-labels.js";
import { isLabelled, type Row, rowsOf } from "./plot-rows.js";
import { specOf } from "./plot-spec.js";

/** Pixels of the PNG for each of the SVG. */
const SCALE = 2;

/**
 * The plot as SVG without its title: the same text for the same plot. Lines and letters that belong to no series have
 * the colour `currentColor`, so that it goes with any page; points say what they are in their `<title>`.
 */
export function plotSvg(plot: Plot): Promise<string> {
  return drawn(plot, false);
}

/** The plot as PNG with its title, on white, in the font DejaVu Sans. */
export async function plotPng(plot: Plot): Promise<Uint8Array> {
  const image = new Resvg(await drawn(plot, true), {
    background: "white",
    fitTo: { mode: "zoom", value: SCALE },
    // A bare machine has no fonts at all.
    font: {
      loadSystemFonts: false,
      fontFiles: ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf"].map(fontFile),
      defaultFontFamily: "DejaVu Sans",
      sansSerifFamily: "DejaVu Sans",
    },
  });
  return image.render().asPng();
}

function fontFile(name: string): string {
  return createRequire(import.meta.url).resolve(`dejavu-fonts-ttf/ttf/${name}`);
}

async function drawn(plot: Plot, titled: boolean): Promise<string> {
  const rows = rowsOf(plot);
  const spec = compile(specOf(plot, rows, titled), { logger: LOGGER }).spec;
  // How wide the axis at the left is, and so how wide the rest, is known only once it has been laid out.
  if (plot.diagonal) spec.height = (await laidOut(spec)).width();
  if (isLabelled(plot, rows)) spec.marks?.push(await labels(spec, rows, plot.diagonal));
  const view = await laidOut(spec);
  const svg = await view.toSVG();
  const label = escaped(summary(plot));
  return withTitles(svg).replace("<svg ", () => `<svg role="img" aria-label="${label}" `);
}

// Vega writes what goes wrong to the console, and then draws half a plot.
const LOGGER: vega.LoggerInterface = {
  level: () => LOGGER,
  error(...messages: readonly unknown[]) {
    throw messages.find((message) => message instanceof Error) ?? new Error(messages.join(" "));
  },
  warn: () => LOGGER,
  info: () => LOGGER,
  debug: () => LOGGER,
} as vega.LoggerInterface;

function laidOut(spec: vega.Spec): Promise<vega.View> {
  return new vega.View(vega.parse(spec), { renderer: "none", logger: LOGGER }).runAsync();
}

async function labels(spec: vega.Spec, rows: readonly Row[], diagonal = false): Promise<vega.Mark> {
  const view = await laidOut(spec);
  const [across, down] = [view.scale("x"), view.scale("y")] as ((value: number) => number)[];
  if (across === undefined || down === undefined) throw new Error("a plot has no axes");
  const anchors = rows.flatMap(({ x, y, low, high, label }): Anchor[] => {
    if (y === null) return [];
    const interval = low === null || high === null ? {} : { low: down(low), high: down(high) };
    return [{ x: across(x), y: down(y), ...interval, label }];
  });
  return labelsMark(placeLabels(anchors, [view.width(), view.height()], diagonal));
}

// Vega writes descriptions as labels of ARIA only, which no pointer shows.
function withTitles(svg: string): string {
  return svg.replace(/(<path) aria-label="([^"]*)"([^>]*?)\/>/g, "$1$3><title>$2</title></path>");
}

function summary({ title, x, y, kind, series }: Plot): string {
  const names = series.length > 1 ? `: ${series.map(({ name }) => name).join(", ")}` : "";
  return `${title}. ${kind === "lines" ? "Lines" : "Points"}, ${y} against ${x}${names}`;
}
