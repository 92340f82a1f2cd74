// Pictures that are put together from frames, and PNG.
import { PNG } from "pngjs";

/** RGBA, 8 bits, row-major. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** RGB, shape `[height, width, 3]`, uint8. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

const GAP = 8;
const BACKGROUND = 32;

/**
 * Frames of one size in rows and columns with gaps between, each pixel as `scale` by `scale` pixels. Both sides are
 * even if `scale` is, which H.264 needs.
 */
export function tile(rows: readonly (readonly Frame[])[], scale: number): Picture {
  const first = rows[0]?.[0] ?? { width: 0, height: 0 };
  const columns = Math.max(...rows.map((row) => row.length));
  const [cellWidth, cellHeight] = [first.width * scale + GAP, first.height * scale + GAP];
  const [width, height] = [columns * cellWidth - GAP, rows.length * cellHeight - GAP];
  const data = new Uint8Array(width * height * 4);
  for (let i = 0; i < data.length; i++) data[i] = i % 4 === 3 ? 255 : BACKGROUND;
  const picture = { width, height, data };
  for (const [r, row] of rows.entries()) {
    for (const [c, frame] of row.entries()) paint(picture, frame, c * cellWidth, r * cellHeight, scale);
  }
  return picture;
}

function paint(onto: Picture, frame: Frame, left: number, top: number, scale: number): void {
  for (let y = 0; y < frame.height * scale; y++) {
    for (let x = 0; x < frame.width * scale; x++) {
      const from = 3 * (Math.floor(y / scale) * frame.width + Math.floor(x / scale));
      const to = 4 * ((top + y) * onto.width + left + x);
      for (let channel = 0; channel < 3; channel++) onto.data[to + channel] = frame.data[from + channel] as number;
    }
  }
}

export function encodePng({ width, height, data }: Picture): Uint8Array {
  const png = new PNG({ width, height });
  png.data.set(data);
  return PNG.sync.write(png);
}
