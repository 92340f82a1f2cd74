// The ort backend: a world's networks as ONNX Runtime sessions, created once and shared by all episodes of the world.
import { availableParallelism } from "node:os";
import { env } from "onnxruntime-node";
import type { Backend } from "../backend.js";
import { Lane } from "../lane.js";
import type { World } from "../world.js";
import { OrtDynamics } from "./dynamics.js";
import { dynamicsGraph, predictorGraph } from "./dynamics-graph.js";
import type { Precision } from "./layers.js";
import { OrtSession } from "./session.js";
import { OrtTokenizer } from "./tokenizer.js";
import { appearanceGraph, decoderGraph, encoderGraph } from "./tokenizer-graphs.js";

export interface OrtOptions {
  /** How the dynamics' matrices are held; the tokenizer stays fp32. Default `fp32`. */
  readonly precision?: Precision;
  /** Threads of each run, at least 1. Default: the cores of the machine, at most 4. */
  readonly threads?: number;
}

export async function createOrtBackend(world: World, options: OrtOptions = {}): Promise<Backend> {
  const { precision = "fp32", threads = Math.min(availableParallelism(), 4) } = options;
  const lane = new Lane();
  const encoder = await OrtSession.create(encoderGraph(world), lane, threads);
  const decoder = await OrtSession.create(decoderGraph(world), lane, threads);
  const hasAppearance = world.manifest.tokenizer.appearance > 0;
  const appearance = hasAppearance ? await OrtSession.create(appearanceGraph(world), lane, threads) : undefined;
  // Both are made before anybody steps: to make one stops the event loop, and every session with it, for 0.2 s and more.
  const tick = await OrtSession.create(dynamicsGraph(world, precision, "tick"), lane, threads);
  const hasChunks = world.manifest.dynamics.chunk > 1;
  const chunk = hasChunks
    ? await OrtSession.create(dynamicsGraph(world, precision, "chunk"), lane, threads)
    : undefined;
  const predictor = await OrtSession.create(predictorGraph(world), lane, threads);
  return {
    kind: `onnxruntime ${env.versions.common} ${process.arch} ${precision} threads ${threads}`,
    dynamics: new OrtDynamics({ tick, chunk, predictor }, world.manifest),
    tokenizer: new OrtTokenizer(encoder, decoder, appearance, world.manifest),
    close: async () => {
      for (const session of [encoder, decoder, appearance, tick, chunk, predictor]) {
        await session?.close();
      }
    },
  };
}
