// What measures frames of Push-T: the picture itself, made small. A network would have to be trained for each size; this tells
// pictures apart by where there is T, goal and disc, which is all that there is, and where the T is a world says by itself.
import { createHash } from "node:crypto";
import type { Measured, Probe } from "@worldstep/judge/kit";

/** Cells along each side. */
const GRID = 8;

export class Sight implements Probe {
  readonly hash: string;

  constructor(readonly size: number) {
    this.hash = createHash("sha256").update(`mean colours of ${GRID} x ${GRID} cells, ${size} pixels`).digest("hex");
  }

  /** Features: mean red, green and blue of each cell, in [0, 1]. */
  async measure(frame: Uint8Array): Promise<Measured> {
    const [sums, counts] = [new Float64Array(GRID * GRID * 3), new Float64Array(GRID * GRID)];
    const cell = (pixel: number) => Math.floor((pixel * GRID) / this.size);
    for (let i = 0; i < this.size * this.size; i++) {
      const at = GRID * cell(Math.floor(i / this.size)) + cell(i % this.size);
      counts[at] = (counts[at] as number) + 1;
      for (let c = 0; c < 3; c++) sums[3 * at + c] = (sums[3 * at + c] as number) + (frame[3 * i + c] as number);
    }
    return { features: Float32Array.from(sums, (sum, i) => sum / 255 / (counts[Math.floor(i / 3)] as number)) };
  }

  async close(): Promise<void> {}
}
