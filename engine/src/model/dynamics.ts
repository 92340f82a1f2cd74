// The networks that move a world: `Dynamics` of training/dynamics.py. What is known of a tick before it is dreamed; a chunk's denoiser; and the
// clean pass over one tick.
//
// Shapes: B sessions, T ticks of a chunk, L tokens a tick, W width, C latent channels, s stride, A action size, Q numbers of a state, E
// experts, S slots of pages, K latent and R rotary numbers of a page's token.
import type { Tensor } from "@worldstep/kernels";
import type { Weight } from "../world/safetensors.js";
import type { WorldManifest } from "../world/schema.js";
import { stateSize } from "../world/tensors.js";
import { block } from "./block.js";
import { predictedState, scores } from "./predictor.js";
import { Recorder, type Weights } from "./recorder.js";

/**
 * What moves a tick. Inputs: `action` `[B, s A]` and `state` `[B, Q]`, the one before it; `actionBefore` and `stateBefore`, those of the tick
 * before; `previous` `[B, L, C]`, the latent before it. Outputs: `predicted` `[B, Q]`, the state that they lead to; `experts` `[B, E]`: logits, of
 * which the largest is that of the expert that a chunk which begins with this tick is for.
 */
export function controlPlan(manifest: WorldManifest, weights: Weights) {
  const { on, A, Q } = begun("control", manifest, weights);
  const { tokens, stateFrequencies } = manifest.dynamics;
  const [action, state] = [on.input("action", ["B", A]), on.input("state", ["B", Q])];
  const [actionBefore, stateBefore] = [on.input("actionBefore", ["B", A]), on.input("stateBefore", ["B", Q])];
  const predicted = predictedState(on, manifest, { action, state, actionBefore, stateBefore });
  const pooled = on.mean(on.input("previous", ["B", tokens, manifest.tokenizer.latentChannels]));
  const told = [action, state, on.fourier(predicted, stateFrequencies), pooled];
  on.output("predicted", predicted);
  on.output("experts", on.linear([on.linear(told, "router_in", { activation: "silu" })], "router_out"));
  return on.plan();
}

/**
 * One evaluation for a chunk of T ticks. Inputs: `z` `[B, T, L, C]` at level t; `previous` `[B, L, C]`, the latent before the chunk; `action`
 * `[B, T, s A]`, `state` and `predicted` `[B, T, Q]` of each tick; `levels` `[B, 1, 3]`: t, t - r and the context's; `expert` `[1]` i32; `ages`
 * `[B, S]` i32 and `pages.i` `[B, S, L, K + R]` of window block i; `recurrent.i` `[B, N, D, D]` of memory block i. Output: `end` `[B, T, L, C]`, X.
 */
export function denoisePlan(manifest: WorldManifest, weights: Weights) {
  return evaluation("denoise", manifest, weights);
}

/**
 * The clean pass over one tick, and the evaluation of a chunk that is one tick: inputs as of `denoisePlan` with T = 1. Outputs: `end`; `scores`
 * `[B, 2 tasks]`: rewards, and logits of success; `readState` `[B, Q]`, what the tick shows; `page.i` `[B, 1, L, K + R]` of window block i; and
 * the carries `recurrent.i`. One plan for both, so that a tick reads its weights twice from where the first left them.
 */
export function cleanPlan(manifest: WorldManifest, weights: Weights) {
  return evaluation("clean", manifest, weights);
}

function evaluation(kind: "denoise" | "clean", manifest: WorldManifest, weights: Weights) {
  const { on, A, Q } = begun(kind, manifest, weights);
  const { tokens: L, width: W, blocks, window, spot, stateFrequencies } = manifest.dynamics;
  const C = manifest.tokenizer.latentChannels;
  const isKept = kind === "clean";
  const T = isKept ? 1 : "T";
  const z = on.input("z", ["B", T, L, C]);
  const previous = on.view(on.input("previous", ["B", L, C]), "B", 1, L, C);
  const [action, state] = [on.input("action", ["B", T, A]), on.input("state", ["B", T, Q])];
  const predicted = on.input("predicted", ["B", T, Q]);
  const levels = on.input("levels", ["B", 1, 3]);
  const expert = on.input("expert", [1], "i32");
  const ages = on.input("ages", ["B", window + 1], "i32");

  const features = [action, state, on.fourier(predicted, stateFrequencies)];
  const byTick = (name: string, ...shape: number[]) =>
    isKept
      ? on.table(on.derive(`first.${name}`, rows(on.weight(name), 0, 1)), 1, ...shape)
      : on.tableOfTicks(name, ...shape);
  const places = on.derive("places", placesOf(on.weight("place"), on.weight("gap")));
  const spots = on.view(on.linear(features, "spot_in"), "B", T, L, spot);
  const controlled = on.view(on.linear(features, "control_in"), "B", T, 1, W);
  let x = on.linear([z, previous], "inp", {
    plus: [byTick(places, L, W), on.linear([spots], "spot_out"), controlled],
  });
  const modulation = modulations(on, manifest, features, levels, byTick("gap_cond", manifest.dynamics.condWidth));
  for (const [i, kind] of [...blocks].entries()) {
    x = block(on, manifest.dynamics, { i, kind }, x, { modulation, ages, expert, isKept });
  }
  const last = on.modulate(x, modulation, 6 * blocks.length);
  on.output("end", on.linear([last], "out", { onto: previous }));
  if (isKept) heads(on, manifest, on.view(last, "B", L, W), on.view(predicted, "B", Q));
  return on.plan();
}

function begun(name: string, manifest: WorldManifest, weights: Weights) {
  const on = new Recorder(name, weights);
  return { on, A: manifest.stride * manifest.action.channels.length, Q: stateSize(manifest) };
}

// Where each token is, and how far its tick is from the chunk's first, [chunk, L, W].
function placesOf(place: Weight, gap: Weight): Weight {
  const [[L, W], [ticks]] = [place.shape, gap.shape] as [[number, number], [number]];
  const number = (k: number, i: number) => (place.data[i] as number) + (gap.data[k * W + (i % W)] as number);
  const data = Float32Array.from({ length: ticks * L * W }, (_, i) => number(Math.floor(i / (L * W)), i % (L * W)));
  return { data, shape: [ticks, L, W] };
}

// `embed` of dynamics.py, and what each block makes of it: all modulations side by side, [B, T, (6 blocks + 2) W].
function modulations(on: Recorder, manifest: WorldManifest, features: Tensor[], levels: Tensor, gaps: Tensor): Tensor {
  const names = ["level_t", "level_r", "level_context"];
  on.derive("levels.weight", besideEachOther(names.map((name) => on.weight(`${name}.weight`))));
  on.derive("levels.bias", on.weight("level_t.bias"));
  const level = on.linear(
    [on.sinusoid(levels, manifest.dynamics.levels.size, manifest.dynamics.levels.radians)],
    "levels",
  );
  const told = on.linear(features, "control_cond", { plus: [gaps, level], activation: "silu" });
  const cond = on.linear([told], "cond", { activation: "silu" });
  const { blocks, width } = manifest.dynamics;
  const layers = [...Array.from(blocks, (_, i) => `blocks.${i}.modulation`), "final_modulation"];
  on.derive("modulations.weight", underEachOther(layers.map((name) => on.weight(`${name}.weight`))));
  on.derive("modulations.bias", withOnes(underEachOther(layers.map((name) => on.weight(`${name}.bias`))), width));
  return on.linear([cond], "modulations");
}

// `read_heads` of dynamics.py.
function heads(on: Recorder, manifest: WorldManifest, x: Tensor, predicted: Tensor): void {
  const spots = on.linear([x], "spot");
  const seen = on.softPool(spots, on.linear([spots], "look.map"), true);
  const y = on.linear([on.mean(x), seen], "heads_in", { activation: "silu" });
  const state = on.settle(predicted, on.linear([y], "state_out"), manifest.dynamics.readout.deadband);
  const more = on.linear([on.linear([y, state], "scores_in", { activation: "silu" })], "scores_out");
  on.output("scores", scores(on, state, more));
  on.output("readState", state);
}

function rows({ data, shape }: Weight, from: number, to: number): Weight {
  const size = shape.slice(1).reduce((product, count) => product * count, 1);
  return { data: data.subarray(from * size, to * size), shape: [to - from, ...shape.slice(1)] };
}

function underEachOther(parts: readonly Weight[]): Weight {
  const [, ...rest] = (parts[0] as Weight).shape;
  const data = new Float32Array(parts.reduce((sum, part) => sum + part.data.length, 0));
  let at = 0;
  for (const part of parts) {
    data.set(part.data, at);
    at += part.data.length;
  }
  return { data, shape: [parts.reduce((sum, { shape }) => sum + (shape[0] as number), 0), ...rest] };
}

function besideEachOther(parts: readonly Weight[]): Weight {
  const [to, from] = (parts[0] as Weight).shape as [number, number];
  const data = new Float32Array(to * from * parts.length);
  for (const [i, part] of parts.entries()) {
    for (let row = 0; row < to; row++) {
      data.set(part.data.subarray(row * from, (row + 1) * from), (row * parts.length + i) * from);
    }
  }
  return { data, shape: [to, from * parts.length] };
}

// The 1 of 1 + scale: of a block parts 1 and 4 are scales, of the last modulation part 1.
function withOnes({ data, shape }: Weight, width: number): Weight {
  const isScale = (part: number) => part % 6 === 1 || part % 6 === 4;
  return { data: data.map((x, i) => (isScale(Math.floor(i / width)) ? x + 1 : x)), shape };
}
