// Pictures of other sizes than a world's: a file of the visitor's own, or the frame of a world beside it.
import { type ByteTensor, byteTensor, type EnvSpec } from "@worldstep/sdk";

/** A picture to start from. */
export interface OwnPicture {
  readonly name: string;
  readonly bitmap: ImageBitmap;
}

/** The picture in `file`. Throws where the browser can't read it as one. */
export async function readPicture(file: File): Promise<OwnPicture> {
  return { name: file.name, bitmap: await createImageBitmap(file) };
}

/** `bitmap` as a frame of the world, shape `[1, H, W, 3]`: scaled to fill it, what is over at the sides cut off. */
export function frameFor(spec: EnvSpec, bitmap: ImageBitmap | HTMLCanvasElement): ByteTensor {
  const [, height = 0, width = 0] = spec.observationSpace.spaces.frames?.shape ?? [];
  const factor = Math.max(width / bitmap.width, height / bitmap.height);
  const [w, h] = [bitmap.width * factor, bitmap.height * factor];
  const context = contextOf(width, height);
  context.imageSmoothingQuality = "high";
  context.fillStyle = "#fff"; // behind what is transparent
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, (width - w) / 2, (height - h) / 2, w, h);
  const { data } = context.getImageData(0, 0, width, height);
  return byteTensor(
    Uint8Array.from({ length: 3 * width * height }, (_, i) => data[4 * Math.floor(i / 3) + (i % 3)] as number),
    [1, height, width, 3],
  );
}

/** `frame`, shape `[H, W, 3]`, on a canvas of its size. */
export function canvasOf({ data, shape }: ByteTensor): HTMLCanvasElement {
  const [height = 0, width = 0] = shape;
  const context = contextOf(width, height);
  const image = context.createImageData(width, height);
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
    image.data[to] = data[from] as number;
    image.data[to + 1] = data[from + 1] as number;
    image.data[to + 2] = data[from + 2] as number;
    image.data[to + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return context.canvas;
}

/** A drawing context of a new canvas. */
export function contextOf(width: number, height: number): CanvasRenderingContext2D {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  if (!context) throw new Error("this browser gives no 2d canvas");
  return context;
}
