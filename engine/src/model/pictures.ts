// What encoder, decoder and readers have in common. Pictures are [B, h, w, channels]; the world's maps are [channels, h, w].
import type { Tensor } from "@worldstep/kernels";
import type { Weight } from "../world/safetensors.js";
import type { WorldManifest } from "../world/schema.js";
import type { Recorder } from "./recorder.js";

/** `ResBlock` of training/tokenizer.py, and with `past` `MemoryBlock`: x + conv2(relu(conv1(relu(x, past)))). */
export function residual(on: Recorder, x: Tensor, name: string, past: readonly Tensor[] = []): Tensor {
  const hidden = on.conv([x, ...past], `${name}.conv1`, { rectified: true });
  return on.conv([hidden], `${name}.conv2`, { rectified: true, onto: x });
}

/** The map of that name, `times` over, as a picture. */
export function map(on: Recorder, name: string, times = 1): Tensor {
  const { data, shape } = on.weight(`maps.${name}`);
  const [channels, height, width] = shape as [number, number, number];
  const size = channels * times;
  const turned = Float32Array.from({ length: height * width * size }, (_, i) => {
    return data[((i % size) % channels) * height * width + Math.floor(i / size)] as number;
  });
  const derived = on.derive(`pictures.${name}.${times}`, { data: turned, shape: [height, width, size] });
  return on.table(derived, height, width, size);
}

/** The numbers that the reader `name` (training/reader.py) sees in a frame `[B, H, H, 3]` about [-1, 1]: `[B, outputs]`. */
export function read(on: Recorder, { reader }: WorldManifest["tokenizer"], name: string, frame: Tensor): Tensor {
  let x = frame;
  for (const [i, { stride }] of reader.near.entries()) {
    x = on.conv([x], `${name}.near.${i}`, { stride, activation: "relu" });
  }
  const [, side, , channels] = x.shape as [Tensor["shape"][number], number, number, number];
  const maps = on.view(on.conv([x], `${name}.maps`), "B", side * side, reader.maps);
  const seen = on.softPool(on.view(x, "B", side * side, channels), maps, false);
  for (const [i, { stride }] of reader.far.entries()) {
    x = on.conv([x], `${name}.far.${i}`, { stride, activation: "relu" });
  }
  const [, n, , far] = x.shape as [Tensor["shape"][number], number, number, number];
  on.derive(`${name}.far.whole.weight`, channelsLast(on.weight(`${name}.whole.weight`), n * n, far));
  on.derive(`${name}.far.whole.bias`, on.weight(`${name}.whole.bias`));
  const whole = on.linear([on.view(x, "B", n * n * far)], `${name}.far.whole`, { activation: "relu" });
  return on.linear([on.linear([seen, whole], `${name}.features`, { activation: "relu" })], `${name}.head`);
}

// [to, channels places] -> [to, places channels].
function channelsLast({ data, shape }: Weight, places: number, channels: number): Weight {
  const size = places * channels;
  const turned = Float32Array.from(data, (_, i) => {
    const at = i % size;
    return data[i - at + (at % channels) * places + Math.floor(at / channels)] as number;
  });
  return { data: turned, shape };
}
