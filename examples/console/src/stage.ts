// Pictures: frames come a tick at a time and are shown one by one, at the world's frame rate, enlarged smoothly.
import { type ByteTensor, type Observation, splitFrames } from "@worldstep/sdk";
import { canvasOf } from "./picture.js";

// Played a little faster than made, so that a late tick's delay is made up for.
const HASTE = 0.97;
// Further behind than this many ticks, frames are dropped.
const MOST_BEHIND = 1.5;
// Pixels across that a picture is enlarged to at most: more costs time and shows nothing.
const WIDEST = 1440;

/** When the frames of each tick are due, for all stages alike. */
export class Playhead {
  #free = 0;

  constructor(
    readonly fps: number,
    readonly stride: number,
  ) {}

  /** Due times, ms on the clock of `performance.now()`, of the frames of a tick that came at `now`. */
  schedule(now: number): number[] {
    const frameMs = (1000 / this.fps) * HASTE;
    const tickMs = frameMs * this.stride;
    const start = this.#free - now > MOST_BEHIND * tickMs ? now : Math.max(now, this.#free);
    this.#free = start + tickMs;
    return Array.from({ length: this.stride }, (_, i) => start + i * frameMs);
  }
}

/** One canvas. */
export class Stage {
  readonly #context: CanvasRenderingContext2D;
  #waiting: { readonly frame: ByteTensor; readonly due: number }[] = [];
  #drawing = false;

  constructor(readonly canvas: HTMLCanvasElement) {
    const context = canvas.getContext("2d", { alpha: false });
    if (!context) throw new Error("this browser gives no 2d canvas");
    this.#context = context;
  }

  /** Shows the newest frame of `observation` now. */
  cut(observation: Observation): void {
    this.#waiting = [];
    const frame = splitFrames(observation).at(-1);
    if (frame) this.#draw(frame);
  }

  /** Shows the frames of `observation`, each when it is due. */
  play(observation: Observation, due: readonly number[]): void {
    for (const [i, frame] of splitFrames(observation).entries()) this.#waiting.push({ frame, due: due[i] ?? 0 });
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame((now) => this.#animate(now));
  }

  #animate(now: number): void {
    const isDue = this.#waiting.findLastIndex(({ due }) => due <= now);
    const [newest] = this.#waiting.splice(0, isDue + 1).slice(-1);
    if (newest) this.#draw(newest.frame);
    this.#drawing = this.#waiting.length > 0;
    if (this.#drawing) requestAnimationFrame((next) => this.#animate(next));
  }

  #draw(frame: ByteTensor): void {
    const [height = 1, width = 1] = frame.shape;
    const { canvas } = this;
    const shown = Math.min(WIDEST, canvas.clientWidth * devicePixelRatio);
    const times = Math.max(1, Math.ceil(shown / width));
    // Setting a canvas's size clears it.
    if (canvas.width !== times * width) canvas.width = times * width;
    if (canvas.height !== times * height) canvas.height = times * height;
    this.#context.imageSmoothingQuality = "high";
    this.#context.drawImage(canvasOf(frame), 0, 0, canvas.width, canvas.height);
  }
}
