// What comes with this package for the tabletop: policies, and a probe for each size of frames.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { OptionError } from "@worldstep/protocols";
import { TabletopProbe } from "./probe.js";

/** A folder of policies (scripts from expert to wrong, and cloned networks), and of probes: `probe-SIZE.onnx`. */
export const TABLETOP = fileURLToPath(new URL("../policies", import.meta.url));

/**
 * The probe, a network that measures things in frames, for those of `size` pixels along each side. Throws `OptionError`:
 * `probe_missing` where none was trained for that size, and what `TabletopProbe.open` throws.
 */
export async function openProbe(size: number): Promise<TabletopProbe> {
  const sizes = await probeSizes();
  if (!sizes.includes(size)) {
    const file = `domains/tabletop/policies/probe-${size}.onnx`;
    throw new OptionError(
      "probe_missing",
      `no probe measures frames of ${size} x ${size} pixels; there are some for ${sizes.join(" and ")}`,
      `train one (docs/training.md): generate --size ${size}, then training/train_probe.py --onnx ${file}`,
      { size, sizes },
    );
  }
  return TabletopProbe.open(join(TABLETOP, `probe-${size}.onnx`));
}

async function probeSizes(): Promise<number[]> {
  const sizes = (await readdir(TABLETOP)).map((name) => Number(/^probe-(\d+)\.onnx$/.exec(name)?.[1]));
  return sizes.filter((size) => size > 0).sort((a, b) => a - b);
}
