// How unlike the logs a tick is: training/uncertainty.py.
import type { WorldManifest } from "../world/schema.js";
import { controlSize } from "../world/tensors.js";
import { Recorder, type Weights } from "./recorder.js";

/**
 * Inputs: `z` `[B, L, C]`, a tick's latent, and `control` `[B, s A + Q]`, its action block and the state before it; `beginning` `[B, 1]`, the
 * strangeness of its stream's first latent. Outputs: `strangeness` `[B, 1]` of this one; `uncertainty` `[B, 1]` in [0, 1].
 */
export function uncertaintyPlan(manifest: WorldManifest, weights: Weights) {
  const { tokens } = manifest.dynamics;
  const U = controlSize(manifest);
  const on = new Recorder("uncertainty", weights);
  const strangeness = on.mahalanobis(
    on.input("z", ["B", tokens, manifest.tokenizer.latentChannels]),
    "latent_mean",
    "latent_axes",
  );
  const mean = on.derive("control_mean.1", { data: on.weight("control_mean").data, shape: [1, U] });
  const control = on.mahalanobis(on.view(on.input("control", ["B", U]), "B", 1, U), mean, "control_axes");
  on.output("strangeness", strangeness);
  on.output("uncertainty", on.rank([strangeness, control, on.input("beginning", ["B", 1])], "scale", "levels"));
  return on.plan();
}
