// Places labels beside the points of a scatter, so that none covers a point, an interval or another label. Vega has a
// transform for that, but it needs a canvas.
import { textWidth } from "./plot-text.js";

const FONT_SIZE = 11;
/** Between a point's middle and its label. */
const GAP = 7;

/** A point on the picture, y downwards; `low` and `high` are the ends of its interval, where it has one. */
export interface Anchor {
  readonly x: number;
  readonly y: number;
  readonly low?: number;
  readonly high?: number;
  readonly label: string;
}

/** Where a label's text starts, ends or has its middle, and the height of its middle. */
export interface Label {
  readonly x: number;
  readonly y: number;
  readonly align: "left" | "right" | "center";
  readonly text: string;
}

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/**
 * Labels of the anchors that have room for one inside `[width, height]`; with a `diagonal` from corner to corner, beside
 * that too where there is a choice.
 */
export function placeLabels(
  anchors: readonly Anchor[],
  [width, height]: readonly [number, number],
  diagonal: boolean,
): Label[] {
  const taken = anchors.flatMap(obstaclesOf);
  const placed: Label[] = [];
  for (const anchor of anchors.filter(({ label }) => label !== "")) {
    const free = candidates(anchor).filter((label) => {
      const box = boxOf(label);
      const inside = box.left >= 0 && box.right <= width && box.top >= 0 && box.bottom <= height;
      return inside && !taken.some((other) => overlap(box, other));
    });
    const best = free.find((label) => !diagonal || !crosses(boxOf(label), height / width, height)) ?? free[0];
    if (best === undefined) continue;
    placed.push(best);
    taken.push(boxOf(best));
  }
  return placed;
}

/** Whether the line up to the right from the lower left corner at `height` goes through the box. */
function crosses({ left, right, top, bottom }: Box, slope: number, height: number): boolean {
  return height - slope * right < bottom && height - slope * left > top;
}

/** The labels as a mark of Vega. */
export function labelsMark(labels: readonly Label[]) {
  return {
    type: "group" as const,
    marks: labels.map(({ x, y, align, text }) => ({
      type: "text" as const,
      encode: {
        enter: {
          x: { value: x },
          y: { value: y },
          align: { value: align },
          baseline: { value: "middle" as const },
          text: { value: text },
          fontSize: { value: FONT_SIZE },
          fill: { value: "currentColor" },
          fillOpacity: { value: 0.85 },
        },
      },
    })),
  };
}

function candidates({ x, y, label: text }: Anchor): Label[] {
  const slant = GAP * 0.8;
  return [
    { x: x + GAP, y, align: "left", text },
    { x: x - GAP, y, align: "right", text },
    { x: x + slant, y: y - GAP, align: "left", text },
    { x: x + slant, y: y + GAP, align: "left", text },
    { x: x - slant, y: y - GAP, align: "right", text },
    { x: x - slant, y: y + GAP, align: "right", text },
    { x, y: y - 2 * GAP, align: "center", text },
    { x, y: y + 2 * GAP, align: "center", text },
  ];
}

function obstaclesOf({ x, y, low = y, high = y }: Anchor): Box[] {
  const point = { left: x - 4, right: x + 4, top: y - 4, bottom: y + 4 };
  return [point, { left: x - 1, right: x + 1, top: Math.min(low, high), bottom: Math.max(low, high) }];
}

function boxOf({ x, y, align, text }: Label): Box {
  const width = textWidth(text, FONT_SIZE);
  const left = x - { left: 0, center: width / 2, right: width }[align];
  return { left, right: left + width, top: y - FONT_SIZE / 2, bottom: y + FONT_SIZE / 2 };
}

function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
