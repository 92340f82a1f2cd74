// The judge's ruler: reads the state of the scene back from a frame, real or dreamed. It was trained on real frames alone
// (training/probe.py), so what it reads from a dreamed frame is what the dream shows.
import { WorldFileError } from "@worldstep/protocols";
import { Tensor } from "onnxruntime-node";
import { Lane } from "../lane.js";
import type { World } from "../world.js";
import { Graph } from "./graph.js";
import { Layers } from "./layers.js";
import { OrtSession, zeros } from "./session.js";

type ProbeWorld = Pick<World, "manifest" | "probe">;

export interface Reading {
  /** One number for each of `world.probe.outputs`, in metres and radians. */
  readonly state: Float32Array;
  /** What the state is read from; `[features]`, at least 0. */
  readonly features: Float32Array;
}

export interface Probe {
  readonly outputs: readonly string[];
  /** frame: `[H, W, 3]` uint8. */
  read(frame: Uint8Array): Promise<Reading>;
  close(): Promise<void>;
}

/** Throws `WorldFileError` (`world_no_probe`) where the world brings none. */
export async function createProbe(world: ProbeWorld): Promise<Probe> {
  const { probe, frame, id } = world.manifest;
  if (!probe) {
    throw new WorldFileError("world_no_probe", `the world ${id} has no probe`, "export it with --probe", { file: id });
  }
  const session = await OrtSession.create(probeGraph(world), new Lane(), 1);
  return {
    outputs: probe.outputs,
    read: async (pixels) => {
      const [state, features] = [zeros(1, probe.outputs.length), zeros(1, probe.features)];
      const input = new Tensor("uint8", pixels, [1, frame.height, frame.width, 3]);
      await session.run({ frame: input }, { state, features });
      return {
        state: state.data.map((x, i) => x * (probe.std[i] as number) + (probe.mean[i] as number)),
        features: features.data,
      };
    },
    close: () => session.close(),
  };
}

// Input: `frame` `[1, H, W, 3]` uint8. Outputs: `state` `[1, outputs]`, normalised; `features` `[1, features]`.
function probeGraph({ manifest, probe: weights }: ProbeWorld): Uint8Array {
  const { frame, probe } = manifest;
  if (!probe) throw new Error("no probe");
  const graph = new Graph("probe");
  const layers = new Layers(graph, weights);
  const scalar = (value: number) => layers.constant({ data: Float32Array.of(value), shape: [1] });
  const bytes = graph.add("Cast", [graph.input("frame", "uint8", [1, frame.height, frame.width, 3])], { to: 1 });
  const scaled = graph.add("Sub", [graph.add("Div", [bytes, scalar(127.5)]), scalar(1)]);
  let x = graph.add("Transpose", [scaled], { perm: [0, 3, 1, 2] });
  for (const i of probe.widths.keys()) x = graph.add("Relu", [layers.conv(x, `convs.${i}`, undefined, 2)]);
  const features = graph.add("Relu", [layers.linear(graph.reshape(x, 1, -1), "features")]);
  graph.output("features", features, "float32", [1, probe.features]);
  graph.output("state", layers.linear(features, "head"), "float32", [1, probe.outputs.length]);
  return graph.build();
}
