// What was played as a film: MP4, both worlds side by side with a line of words below. The browser encodes it (WebCodecs),
// as H.264 where it can, else as VP9 or AV1, which are no less an MP4.
import { splitFrames } from "@worldstep/sdk";
import {
  BufferTarget,
  CanvasSource,
  getFirstEncodableVideoCodec,
  Mp4OutputFormat,
  Output,
  QUALITY_HIGH,
} from "mediabunny";
import type { Side } from "./cast.js";
import type { Moment } from "./past.js";
import { canvasOf, contextOf } from "./picture.js";

/** What the film says beside its pictures. */
export interface Words {
  readonly goal: string;
  /** Above each picture. */
  readonly names: Readonly<Partial<Record<Side, string>>>;
}

export interface Film {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly codec: string;
}

const PICTURE = 512;
const MARGIN = 16;
const LINE = 44;
const CODECS = ["avc", "vp9", "av1"] as const;

/** The film of `moments`, at `fps`. Throws where this browser encodes no video for this page. */
export async function film(moments: readonly Moment[], fps: number, words: Words): Promise<Film> {
  const sides = Object.keys(words.names) as Side[];
  const width = sides.length * (PICTURE + MARGIN) + MARGIN;
  const context = contextOf(width, PICTURE + 2 * LINE);
  const { canvas } = context;
  const size = { width: canvas.width, height: canvas.height };
  const codec = await getFirstEncodableVideoCodec([...CODECS], size);
  if (codec === null) {
    throw new Error(
      "this browser encodes no video for a page at this address (it does at localhost and over https): save the log instead",
    );
  }
  const output = new Output({ format: new Mp4OutputFormat(), target: new BufferTarget() });
  const source = new CanvasSource(canvas, { codec, bitrate: QUALITY_HIGH });
  output.addVideoTrack(source, { frameRate: fps });
  await output.start();
  let frame = 0;
  for (const [k, { tick, seen }] of moments.entries()) {
    const shown = sides.map((side) => {
      const frames = seen[side] ? splitFrames(seen[side].observation) : [];
      // A start is one frame, however often it is told; and so is the end at which a world stays.
      const still = tick === 0 || seen[side] === moments[k - 1]?.seen[side];
      return { side, frames: still ? frames.slice(-1) : frames };
    });
    const count = Math.max(...shown.map(({ frames }) => frames.length));
    for (let i = 0; i < count; i++) {
      draw(context, words, shown, i);
      await source.add(frame++ / fps, 1 / fps);
    }
  }
  await output.finalize();
  return { bytes: new Uint8Array(output.target.buffer as ArrayBuffer), codec };
}

type Shown = readonly { readonly side: Side; readonly frames: ReturnType<typeof splitFrames> }[];

function draw(context: CanvasRenderingContext2D, { goal, names }: Words, shown: Shown, i: number): void {
  const { width, height } = context.canvas;
  context.fillStyle = "#14161a";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.textBaseline = "middle";
  context.fillStyle = "#e8eaee";
  for (const [column, { side, frames }] of shown.entries()) {
    const left = MARGIN + column * (PICTURE + MARGIN);
    context.font = "600 20px system-ui, sans-serif";
    context.fillText(names[side] ?? "", left, LINE / 2, PICTURE);
    const frame = frames[Math.min(i, frames.length - 1)];
    if (frame) context.drawImage(canvasOf(frame), left, LINE, PICTURE, PICTURE);
  }
  context.font = "18px system-ui, sans-serif";
  context.fillText(goal, MARGIN, height - LINE / 2, width - 2 * MARGIN);
}
