// Reads the scene of the tabletop back from one frame: the judge's probe, and the eyes of scripted policies. The network
// is trained on real frames only (training/probe.py), so what it reads from a dreamed frame is what the dream shows.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { OptionError, ShapeError } from "@worldstep/protocols";
import { Tensor } from "onnxruntime-node";
import { Network } from "./network.js";
import { sceneOf } from "./simulator/environment-state.js";
import type { Pose } from "./simulator/kinematics.js";
import type { Scene } from "./simulator/script.js";

/** What a frame shows. Metres and radians. */
export interface Measured extends Omit<Scene, "command"> {
  /** The network's own numbers, in the order of `OUTPUTS` of training/probe.py. */
  readonly scene: Float32Array;
  /** What the network made of the frame before it read the scene from it: 192 numbers. */
  readonly features: Float32Array;
}

const TIP = 5; // numbers before the scene
/** How many numbers the network measures. */
export const SCENE = 26;

/** What policies look through. */
export type Eyes = Pick<TabletopProbe, "measure">;

export class TabletopProbe {
  private constructor(
    readonly network: Network,
    /** Pixels along each side of the frames that it reads. */
    readonly size: number,
    /** SHA-256 of the file, in hex. */
    readonly hash: string,
  ) {}

  /** Throws `OptionError` (`network_missing`, `network_unfit`). */
  static async open(file: string): Promise<TabletopProbe> {
    const network = await Network.open(file, { frame: [1, "any", "any", 3] }, ["scene", "features"]);
    const [, height, width] = network.inputs.get("frame") ?? [];
    if (typeof height !== "number" || height < 1 || height !== width) {
      await network.close();
      const remedy = "export it for square frames of one size, as training/train_probe.py does";
      throw new OptionError("network_unfit", `${basename(file)} reads no frames of one size`, remedy, { file });
    }
    const hash = createHash("sha256").update(await readFile(file));
    return new TabletopProbe(network, height, hash.digest("hex"));
  }

  /** The scene in `frame` `[size, size, 3]` uint8. Throws `ShapeError` for one of another size. */
  async measure(frame: Uint8Array): Promise<Measured> {
    const shape = [this.size, this.size, 3];
    if (frame.length !== this.size * this.size * 3) throw new ShapeError("the probe's frame", shape, [frame.length]);
    const input = new Tensor("uint8", frame, [1, ...shape]);
    const { scene, features } = await this.network.run({ frame: input });
    const values = scene?.data as Float32Array;
    return { ...readable(values), scene: values, features: features?.data as Float32Array };
  }

  close(): Promise<void> {
    return this.network.close();
  }
}

function readable(values: Float32Array): Pick<Measured, "tip" | "cubes" | "layout"> {
  const at = (i: number): number => values[i] as number;
  const tip: Pose = { x: at(0), y: at(1), z: at(2), yaw: at(3), opening: at(4) };
  return { tip, ...sceneOf(values.subarray(TIP)) };
}
