// The tensors that a world's files must hold, by the names of PyTorch's state_dict: training/tokenizer.py and
// training/dynamics.py are where they come from. A Linear weight is [out, in].
import type { TensorRule } from "./safetensors.js";
import { thingOf, type WorldManifest } from "./world-schema.js";

/** Sines and cosines that a noise level is given as: `level_size` of training/dynamics.py. */
export const LEVEL_SIZE = 64;

/** Radians a standard deviation of a state's number, of its Fourier features: `WAVES` of training/tokenizer.py. */
export const WAVES: readonly number[] = Array.from({ length: 5 }, (_, i) => (Math.PI / 4) * 2 ** i);

/** Radians half a picture, of the Fourier features in which the state renderer sees its points: `RIPPLES` of training/tokenizer.py. */
export const RIPPLES: readonly number[] = Array.from({ length: 6 }, (_, i) => (Math.PI / 2) * 2 ** i);

/** What each token of its own reads from the control, and what the heads see of one: `SPOT` of training/dynamics.py. */
export const SPOT = 32;

/** What a predicted change of the state must exceed, in standard deviations: `REST` of training/predictor.py. */
export const REST = 0.004;

/** What a change of the state is multiplied by: `CHANGE` of training/predictor.py. */
export const CHANGE = 4;

/** What the heads' correction of the predicted state must exceed, in standard deviations: `SURE` of training/dynamics.py. */
export const SURE = 0.01;

/** Radians a tick by which a key's rotary parts are turned, and radians a row and a column: `TURNS` of training/blocks.py. */
export const TURNS: readonly number[] = [1, 0.5, 0.25, 0.125];

/** Rotary numbers of a key: pairs for time, row and column. `ROTARY` of training/blocks.py. */
export const ROTARY = 6 * TURNS.length;

/** Numbers of a state vector: proprioception, and the environment's state. */
export function stateSize({ proprioception, environmentState }: WorldManifest): number {
  return proprioception.names.length + (environmentState?.names.length ?? 0);
}

/**
 * The orders in which the predictor looks at a state, one from where each of the alike things stands: `views` of
 * training/data.py. All begin with the `shared` numbers, which are nobody's; the thing's `own` come next.
 */
export function stateViews({ proprioception, environmentState }: WorldManifest): StateViews {
  const { names = [], alike = [] } = environmentState ?? {};
  const things = [...proprioception.names, ...names].map(thingOf);
  const all = [...things.keys()];
  if (alike.length < 2) return { views: [all], shared: all.length, own: 0 };
  const nobodys = all.filter((i) => !alike.includes(things[i] as string));
  const numbers = alike.map((thing) => all.filter((i) => things[i] === thing));
  const views = alike.map((_, n) => [nobodys, ...numbers.slice(n), ...numbers.slice(0, n)].flat());
  return { views, shared: nobodys.length, own: (all.length - nobodys.length) / alike.length };
}

export interface StateViews {
  readonly views: readonly (readonly number[])[];
  readonly shared: number;
  readonly own: number;
}

/** Numbers of a tick's control: its action block, and the state before it. */
export function controlSize(world: WorldManifest): number {
  return world.stride * world.action.channels.length + stateSize(world);
}

// The control, the predicted state, and that one's sines and cosines.
function featureSize(world: WorldManifest): number {
  return controlSize(world) + stateSize(world) * (1 + 2 * WAVES.length);
}

/** Places at which the heads and the reader look: `MAPS` of blocks.py and reader.py. */
export const MAPS = 12;

/** Convolutions of training/reader.py: the stride and the channels of each; and the channels with which it looks. */
export const READER = {
  near: [
    { stride: 2, to: 32 },
    { stride: 1, to: 48 },
    { stride: 2, to: 64 },
    { stride: 1, to: 64 },
    { stride: 1, to: 64 },
  ],
  far: [
    { stride: 2, to: 80 },
    { stride: 2, to: 96 },
  ],
  width: 64,
} as const;

const READER_WHOLE = 128;
const READER_FEATURES = 192;

/** Sizes of training/tokenizer.py's `StateRenderer`. */
export const RENDERER = { width: 256, points: 32, hidden: 96, channels: 24 } as const;

/** `KEPT` of training/tokenizer.py's `Tokenizer`. */
const KEPT = 32;

/** `WIDTH` of training/predictor.py's `Predictor`. */
const PREDICTOR_WIDTH = 512;
const SCORES_WIDTH = 256;

/** `LEVELS` of training/uncertainty.py. */
const UNCERTAINTY_LEVELS = 65;

/** Of training/dynamics.py's router. */
const ROUTER_WIDTH = 64;

/** Bytes, in fp32, of what is kept of one tick of the window, and of what memory blocks keep of all. */
export function memoryBytes({ dynamics }: WorldManifest): { page: number; state: number } {
  const { tokens, width, blocks, heads, latent } = dynamics;
  const count = (kind: string) => [...blocks].filter((block) => block === kind).length;
  return { page: 4 * count("w") * tokens * (latent + ROTARY), state: 4 * count("m") * width * (width / heads) };
}

type Rules = Map<string, TensorRule>;

export function tokenizerTensors(world: WorldManifest): Rules {
  const { frame, stride, tokenizer } = world;
  const [a, b, c, d] = tokenizer.widths;
  const pixels = 3 * stride * 4;
  const rules: Rules = new Map();
  const conv = (name: string, outputs: number, inputs: number, kernel: number): void => {
    rules.set(`${name}.weight`, half(outputs, inputs, kernel, kernel));
    rules.set(`${name}.bias`, half(outputs));
  };
  const residual = (name: string, channels: number, inputs = 1): void => {
    conv(`${name}.conv1`, channels, inputs * channels, 3);
    conv(`${name}.conv2`, channels, channels, 3);
  };
  conv("encoder.stem", a, pixels, 3);
  residual("encoder.res2", a);
  conv("encoder.down2", b, a * 4, 1);
  residual("encoder.res4", b);
  conv("encoder.down4", c, b * 4, 1);
  residual("encoder.res8", c);
  conv("encoder.down8", d, c * 4, 1);
  residual("encoder.res16", d);
  conv("encoder.head", tokenizer.latentChannels, d, 1);
  conv("decoder.stem", d, tokenizer.latentChannels, 1);
  residual("decoder.res16", d);
  conv("decoder.up16", c * 4, d, 1);
  residual("decoder.memory8", c, 2);
  residual("decoder.res8", c);
  conv("decoder.up8", b * 4, c, 1);
  residual("decoder.memory4", b, 2);
  residual("decoder.res4", b);
  conv("decoder.up4", a * 4, b, 1);
  residual("decoder.res2", a);
  conv("decoder.head", pixels, a, 3);
  conv("decoder.kept1", KEPT, a + pixels, 1);
  conv("decoder.kept2", 4 * world.stride, KEPT, 3);
  const map = (name: string, channels: number, scale: number): void => {
    rules.set(`maps.${name}`, half(channels, frame.height / scale, frame.width / scale));
  };
  map("encode2", a, 2);
  map("decode16", d, 16);
  map("decode8", c, 8);
  map("decode4", b, 4);
  map("decode2", a, 2);
  map("picture", 3, 1);
  const linear = (name: string, to: number, from: number, bias = true): void => {
    rules.set(`${name}.weight`, half(to, from));
    if (bias) rules.set(`${name}.bias`, half(to));
  };
  const state = stateSize(world);
  const reader = (name: string, outputs: number): void => {
    let channels = 3;
    for (const part of ["near", "far"] as const) {
      for (const [i, { to }] of READER[part].entries()) {
        conv(`${name}.${part}.${i}`, to, channels, 3);
        channels = to;
      }
    }
    conv(`${name}.maps`, MAPS, READER.width, 1);
    linear(`${name}.whole`, READER_WHOLE, (channels * frame.height * frame.width) / 256);
    linear(`${name}.features`, READER_FEATURES, MAPS * (READER.width + 2) + READER_WHOLE);
    linear(`${name}.head`, outputs, READER_FEATURES);
  };
  reader("reader", state);
  if (tokenizer.appearance > 0) reader("appearance", tokenizer.appearance);
  const { width, points, hidden, channels: drawn } = RENDERER;
  linear("sketch.inp", width, state * (1 + 2 * WAVES.length));
  if (tokenizer.appearance > 0) linear("sketch.appearance", width, tokenizer.appearance, false);
  linear("sketch.hidden", width, width);
  linear("sketch.points", 2 * points, width);
  linear("sketch.told", hidden, width);
  for (const axis of ["across", "down"]) linear(`sketch.${axis}`, hidden, points * (1 + 2 * RIPPLES.length));
  linear("sketch.place", hidden, hidden);
  linear("sketch.there", drawn, hidden);
  conv("sketch.out", 12, drawn, 3);
  for (const [scale, to] of [
    [8, c],
    [4, b],
    [2, a],
    [1, pixels],
  ] as const) {
    rules.set(`decoder.sketch${scale}.weight`, half(to, pixels, 1, 1));
  }
  return rules;
}

export function dynamicsTensors(world: WorldManifest): Rules {
  const { tokens, width, blocks, heads, latent, experts, mlpRatio, condWidth, waves, chunk } = world.dynamics;
  const channels = world.tokenizer.latentChannels;
  const features = featureSize(world);
  const state = stateSize(world);
  const rules: Rules = new Map();
  const linear = (name: string, to: number, from: number, bias = true): void => {
    rules.set(`${name}.weight`, half(to, from));
    if (bias) rules.set(`${name}.bias`, half(to));
  };
  linear("inp", width, 2 * channels);
  rules.set("place", half(tokens, width));
  rules.set("gap", half(chunk, width));
  linear("reckoning.inp", PREDICTOR_WIDTH, 2 * controlSize(world));
  linear("reckoning.wave", waves, 2 * controlSize(world));
  linear("reckoning.wave_out", PREDICTOR_WIDTH, waves, false);
  linear("reckoning.hidden1", PREDICTOR_WIDTH, PREDICTOR_WIDTH);
  linear("reckoning.hidden2", PREDICTOR_WIDTH, PREDICTOR_WIDTH);
  const { views, shared, own } = stateViews(world);
  if (views.length > 1) rules.set("reckoning.units", half(2, state));
  linear("reckoning.out", shared + own, PREDICTOR_WIDTH);
  rules.set("reckoning.range", half(2, state));
  linear("control_in", width, features);
  linear("spot_in", tokens * SPOT, features);
  linear("spot_out", width, SPOT, false);
  linear("control_cond", condWidth, features);
  linear("level_t", condWidth, LEVEL_SIZE);
  linear("level_r", condWidth, LEVEL_SIZE, false);
  linear("level_context", condWidth, LEVEL_SIZE, false);
  rules.set("gap_cond", half(chunk, condWidth));
  linear("cond", condWidth, condWidth);
  linear("router_in", ROUTER_WIDTH, features + channels);
  linear("router_out", experts, ROUTER_WIDTH);
  for (const [i, kind] of [...blocks].entries()) {
    const block = `blocks.${i}`;
    linear(`${block}.query`, width + heads * ROTARY, width, false);
    linear(`${block}.latents`, latent + ROTARY, width, false);
    linear(`${block}.key`, width, latent, false);
    linear(`${block}.value`, width, latent, false);
    rules.set(`${block}.query_scale`, half(heads, 1));
    if (kind === "m") {
      linear(`${block}.memory.inp`, 4 * width, width, false);
      linear(`${block}.memory.rates`, 2 * heads, width);
      rules.set(`${block}.memory.decay`, half(heads));
    }
    linear(`${block}.out`, width, kind === "m" ? 2 * width : width, false);
    for (let e = 0; e < experts; e++) {
      linear(`${block}.experts.${e}.up`, mlpRatio * width, width);
      linear(`${block}.experts.${e}.down`, width, mlpRatio * width);
    }
    linear(`${block}.modulation`, 6 * width, condWidth);
  }
  linear("final_modulation", 2 * width, condWidth);
  linear("out", channels, width);
  linear("spot", SPOT, width);
  linear("look.map", MAPS, SPOT);
  linear("heads_in", width, width + MAPS * (SPOT + 2));
  linear("reading_out", state, width);
  const scores = 2 * (world.tasks.length - 1);
  linear("scores.inp", SCORES_WIDTH, state);
  for (const i of [1, 2]) linear(`scores.hidden${i}`, SCORES_WIDTH, SCORES_WIDTH);
  linear("scores.out", scores, SCORES_WIDTH);
  linear("scores_in", width, width + state);
  linear("scores_out", scores, width);
  return rules;
}

/** Of training/uncertainty.py. */
export function uncertaintyTensors(world: WorldManifest): Rules {
  const [control, { tokens }, { latentChannels: C }] = [controlSize(world), world.dynamics, world.tokenizer];
  const shapes = {
    row_mean: [control],
    row_axes: [control, control],
    latent_mean: [tokens, C],
    latent_axes: [C, C],
    scale: [3, 2],
    levels: [UNCERTAINTY_LEVELS],
  };
  return new Map(Object.entries(shapes).map(([name, shape]) => [name, { dtype: "F32", shape }]));
}

export function startTensors({ frame, proprioception, starts }: WorldManifest): Rules {
  const count = starts.names.length;
  return new Map([
    ["frames", { dtype: "U8", shape: [count, frame.height, frame.width, 3] }],
    ["proprioception", { dtype: "F32", shape: [count, proprioception.names.length] }],
  ]);
}

function half(...shape: readonly number[]): TensorRule {
  return { dtype: "F16", shape };
}
