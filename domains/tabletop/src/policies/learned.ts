// A policy network in an ONNX file.
import type { EnvSpec, Observation } from "@worldstep/protocols";
import { newestFrame, type Policy } from "@worldstep/sdk";
import { Tensor } from "onnxruntime-node";
import { Network } from "../network.js";
import { type Eyes, SCENE } from "../probe.js";

/**
 * The policy in `file`, on worlds of `spec`, for `task`. Its inputs are among `frame` `[1, H, W, 3]` uint8, the newest;
 * `scene` `[1, 26]` float32, what `probe` reads from that frame; `proprioception` `[1, P]` float32; and `task`
 * `[1, tasks]` float32, 1 at the place of `task` among the world's tasks. Its output `actions` `[1, stride, A]` float32
 * is clipped to the action space.
 * Throws `OptionError`: `network_missing`, and `network_unfit` for one that takes others, frames of another size for one.
 */
export async function learnedPolicy(file: string, spec: EnvSpec, task: string, probe: Eyes): Promise<Policy> {
  const [, ...frame] = spec.observationSpace.spaces.frames?.shape ?? [];
  const fed = {
    frame: [1, ...frame],
    scene: [1, SCENE],
    proprioception: [1, spec.proprioception.length],
    task: [1, spec.tasks.length],
  };
  const network = await Network.open(file, fed, ["actions"]);
  const chosen = Float32Array.from(spec.tasks, (name) => Number(name === task));
  const nothing = new Float32Array();
  const { low, high } = spec.actionSpace;
  return {
    reset: async () => {},
    act: async (observation) => {
      const scene = network.inputs.has("scene") ? (await probe.measure(newestFrame(observation))).scene : nothing;
      const { actions } = await network.run({ ...inputs(observation, chosen), scene: row(scene) });
      return (actions?.data as Float32Array).map((value) => Math.min(high, Math.max(low, value)));
    },
    close: () => network.close(),
  };
}

function inputs(observation: Observation, task: Float32Array): Record<string, Tensor> {
  const [, height, width] = observation.frames.shape as [number, number, number];
  return {
    frame: new Tensor("uint8", newestFrame(observation), [1, height, width, 3]),
    proprioception: row(observation.proprioception.data),
    task: row(task),
  };
}

function row(values: Float32Array): Tensor {
  return new Tensor("float32", values, [1, values.length]);
}
