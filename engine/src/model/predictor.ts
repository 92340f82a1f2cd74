// Where a tick leads, in numbers: training/predictor.py.
import type { Tensor } from "@worldstep/kernels";
import type { WorldManifest } from "../world/schema.js";
import { stateSize, stateViews } from "../world/tensors.js";
import { Recorder, type Weights } from "./recorder.js";

/** What a tick's control and that of the tick before it are made of: actions `[B, s A]`, states `[B, Q]`. */
export interface Controls {
  readonly action: Tensor;
  readonly state: Tensor;
  readonly actionBefore: Tensor;
  readonly stateBefore: Tensor;
}

/**
 * A tick in the state alone. Inputs: `action` `[B, s A]` and `state` `[B, Q]`, the one before it; `actionBefore` and `stateBefore`, those of
 * the tick before. Outputs: `predicted` `[B, Q]`, and the `scores` `[B, 2 tasks]` of it.
 */
export function predictPlan(manifest: WorldManifest, weights: Weights) {
  const on = new Recorder("predict", weights);
  const [A, Q] = [manifest.stride * manifest.action.channels.length, stateSize(manifest)];
  const predicted = predictedState(on, manifest, {
    action: on.input("action", ["B", A]),
    state: on.input("state", ["B", Q]),
    actionBefore: on.input("actionBefore", ["B", A]),
    stateBefore: on.input("stateBefore", ["B", Q]),
  });
  on.output("predicted", predicted);
  on.output("scores", scores(on, predicted));
  return on.plan();
}

/** The state that is predicted at the end of a tick, `[B, Q]`. */
export function predictedState(on: Recorder, manifest: WorldManifest, controls: Controls): Tensor {
  const { action, state, actionBefore, stateBefore } = controls;
  const { views, shared } = stateViews(manifest);
  const units = views.length > 1 ? ["predictor.units"] : [];
  const { change, deadband } = manifest.dynamics.predictor;
  const [A = 0, Q = 0] = [action.shape[1], state.shape[1]];
  const moved = on.subtract(state, stateBefore, change);
  const told = [
    on.view(action, "B", 1, A),
    on.views(state, views, units, false),
    on.view(actionBefore, "B", 1, A),
    on.views(moved, views, units, true),
  ];
  const features = on.linear(told, "predictor.fourier", { activation: "sin" });
  const known = on.linear(told, "predictor.inp");
  let x = on.linear([features], "predictor.fourier_out", { plus: [known], activation: "silu" });
  for (const i of [1, 2]) x = on.linear([x], `predictor.hidden${i}`, { activation: "silu", onto: x });
  const said = on.linear([x], "predictor.out");
  const moves = on.mergeViews(said, views, units, shared);
  return on.settle(state, on.view(moves, "B", Q), deadband, ["predictor.range"]);
}

/** Rewards and logits of success, `[.., 2 tasks]`, of a state `[.., Q]`; `plus`: what else is known of them. */
export function scores(on: Recorder, state: Tensor, plus?: Tensor): Tensor {
  let x = on.linear([state], "scores.inp", { activation: "silu" });
  for (const i of [1, 2]) x = on.linear([x], `scores.hidden${i}`, { activation: "silu", onto: x });
  return on.linear([x], "scores.out", plus ? { onto: plus } : {});
}
