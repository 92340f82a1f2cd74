// Pictures as films: MP4, GIF.
import type { Picture } from "@worldstep/judge";
import gifenc from "gifenc";

/** A small quantiser step: frames of 64 x 64 pixels, enlarged, show every artefact. */
const MP4_QUANTIZER = 18;
const GIF_COLOURS = 256;
const PALETTE_PICTURES = 16;

/** H.264 in MP4. Pictures of one size, both sides even. */
export async function encodeMp4(pictures: readonly Picture[], fps: number): Promise<Uint8Array> {
  const { createH264MP4Encoder } = await importEncoder();
  const encoder = await createH264MP4Encoder();
  encoder.width = pictures[0]?.width ?? 0;
  encoder.height = pictures[0]?.height ?? 0;
  encoder.frameRate = fps;
  encoder.quantizationParameter = MP4_QUANTIZER;
  encoder.initialize();
  for (const { data } of pictures) encoder.addFrameRgba(data);
  encoder.finalize();
  const bytes = encoder.FS.readFile(encoder.outputFilename) as Uint8Array;
  encoder.delete();
  return bytes;
}

/** A GIF that repeats for ever, all frames in one palette so that still parts do not flicker. */
export function encodeGif(pictures: readonly Picture[], fps: number): Uint8Array {
  const step = Math.ceil(pictures.length / PALETTE_PICTURES);
  const samples = pictures.filter((_, i) => i % step === 0).map(({ data }) => data);
  const palette = gifenc.quantize(new Uint8Array(Buffer.concat(samples)), GIF_COLOURS);
  const gif = gifenc.GIFEncoder();
  for (const [i, { width, height, data }] of pictures.entries()) {
    const index = gifenc.applyPalette(data, palette);
    gif.writeFrame(index, width, height, { delay: 1000 / fps, ...(i === 0 && { palette, repeat: 0 }) });
  }
  gif.finish();
  return gif.bytes();
}

// Emscripten's glue in this package rethrows every error of the process as its own; what it hooks is unhooked again.
async function importEncoder(): Promise<typeof import("h264-mp4-encoder")> {
  const events = ["uncaughtException", "unhandledRejection"] as const;
  const before = events.map((event) => process.listeners(event as "uncaughtException"));
  const encoder = (await import("h264-mp4-encoder")).default;
  for (const [i, event] of events.entries()) {
    for (const listener of process.listeners(event as "uncaughtException")) {
      if (!before[i]?.includes(listener)) process.removeListener(event, listener);
    }
  }
  return encoder;
}
