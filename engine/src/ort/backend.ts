// The ort backend: a world's networks as ONNX Runtime sessions, created once and shared by all episodes of the world.
import { availableParallelism } from "node:os";
import type { Backend } from "../backend.js";
import { Lane } from "../lane.js";
import type { World } from "../world.js";
import { OrtDynamics } from "./dynamics.js";
import { dynamicsGraph, reckoningGraph } from "./dynamics-graph.js";
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
  // One for each length of a chunk, made when it is first wanted: so the weights stay in memory. What fails is tried again.
  const dynamics = new Map<number, Promise<OrtSession>>();
  const dynamicsOf = (ticks: number): Promise<OrtSession> => {
    const known = dynamics.get(ticks);
    if (known) return known;
    const made = OrtSession.create(dynamicsGraph(world, precision, ticks), lane, threads);
    dynamics.set(ticks, made);
    made.catch(() => dynamics.delete(ticks));
    return made;
  };
  await dynamicsOf(1);
  const reckoning = await OrtSession.create(reckoningGraph(world), lane, threads);
  return {
    dynamics: new OrtDynamics(dynamicsOf, reckoning, world.manifest),
    tokenizer: new OrtTokenizer(encoder, decoder, appearance, world.manifest),
    close: async () => {
      for (const session of [encoder, decoder, appearance, reckoning, ...dynamics.values()]) {
        await (await session)?.close();
      }
    },
  };
}
