// Live plots: one line for each side over the ticks of the episode, the newest at the right.
import uPlot from "uplot";
import { SIDES, type Side } from "./cast.js";

const SHOWN_TICKS = 120;
const HEIGHT = 140;

export type Values = Partial<Record<Side, number>>;

export class Plot {
  readonly #plot: uPlot;
  #ticks: number[] = [];
  #lines: (number | null)[][];

  /** A plot in `place` with a line for each of `sides`; `floor` is the least upper end of its scale. */
  constructor(
    readonly place: HTMLElement,
    readonly sides: readonly Side[] = SIDES,
    floor = 1,
  ) {
    this.#lines = sides.map(() => []);
    const axis = {
      stroke: () => color("--muted"),
      grid: { stroke: () => color("--line"), width: 1 },
      ticks: { show: false },
    };
    const font = `11px ${getComputedStyle(document.body).fontFamily}`;
    this.#plot = new uPlot(
      {
        width: place.clientWidth || 300,
        height: HEIGHT,
        legend: { show: false },
        cursor: { show: false },
        padding: [8, 8, 0, 0],
        scales: {
          x: { time: false, range: (_, __, max) => [Math.max(0, max - SHOWN_TICKS), Math.max(max, SHOWN_TICKS / 4)] },
          y: { range: (_, low, high) => [Math.min(0, low ?? 0), Math.max(floor, (high ?? 0) * 1.1)] },
        },
        axes: [
          { ...axis, font, size: 22, space: 60 },
          { ...axis, font, size: 44, space: 28 },
        ],
        series: [
          {},
          ...sides.map((side) => ({ stroke: () => color(`--${side}`), width: 1.75, points: { show: false } })),
        ],
      },
      [[], ...sides.map(() => [])],
      place,
    );
    new ResizeObserver(() => this.#plot.setSize({ width: place.clientWidth, height: HEIGHT })).observe(place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#plot.redraw());
  }

  push(tick: number, values: Values): void {
    this.#ticks = [...this.#ticks, tick].slice(-SHOWN_TICKS);
    this.#lines = this.#lines.map((line, i) => {
      const value = values[this.sides[i] as Side];
      return [...line, Number.isFinite(value) ? (value as number) : null].slice(-SHOWN_TICKS);
    });
    this.#show();
  }

  clear(): void {
    this.#ticks = [];
    this.#lines = this.#lines.map(() => []);
    this.#show();
  }

  #show(): void {
    this.#plot.setData([this.#ticks, ...this.#lines]);
    this.place.dataset.points = String(this.#ticks.length);
  }
}

function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
