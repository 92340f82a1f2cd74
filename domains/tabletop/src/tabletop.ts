// What comes with this package for the tabletop: policies, and a ruler for each size of frames.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { OptionError } from "@worldstep/protocols";
import { Ruler } from "./ruler.js";

/** A folder of policies (scripts from expert to wrong, and cloned networks), and of rulers: `ruler-SIZE.onnx`. */
export const TABLETOP = fileURLToPath(new URL("../policies", import.meta.url));

/**
 * The probe, a network that measures things in frames, for those of `size` pixels along each side. Throws `OptionError`:
 * `probe_missing` where none was trained for that size, and what `Ruler.open` throws.
 */
export async function openProbe(size: number): Promise<Ruler> {
  const sizes = await rulerSizes();
  if (!sizes.includes(size)) {
    const file = `domains/tabletop/policies/ruler-${size}.onnx`;
    throw new OptionError(
      "probe_missing",
      `no probe measures frames of ${size} x ${size} pixels; there are some for ${sizes.join(" and ")}`,
      `train one (docs/training.md): generate --size ${size}, then training/train_ruler.py --onnx ${file}`,
      { size, sizes },
    );
  }
  return Ruler.open(join(TABLETOP, `ruler-${size}.onnx`));
}

async function rulerSizes(): Promise<number[]> {
  const sizes = (await readdir(TABLETOP)).map((name) => Number(/^ruler-(\d+)\.onnx$/.exec(name)?.[1]));
  return sizes.filter((size) => size > 0).sort((a, b) => a - b);
}
