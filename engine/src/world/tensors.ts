// The tensors that a world's files must hold, by the names of PyTorch's state_dict: training/tokenizer.py and
// training/dynamics.py are where they come from. A Linear weight is [out, in].
import type { TensorRule } from "./safetensors.js";
import { cameraOf, strideOf, thingOf, type WorldManifest } from "./schema.js";

type Dynamics = WorldManifest["dynamics"];

/** Rotary numbers of a key, R: pairs for time, row and column. */
export function rotarySize({ rotary }: Dynamics): number {
  return 6 * rotary.length;
}

/** Numbers of a state vector: proprioception, and the environment's state. */
export function stateSize({ state }: WorldManifest): number {
  return state.channels.length;
}

/**
 * The orders in which the predictor looks at a state, one from where each of the alike things stands: `views` of
 * training/data.py. All begin with the `shared` numbers, which are nobody's; the thing's `own` come next.
 */
export function stateViews({ state }: WorldManifest): StateViews {
  const { channels, alike = [] } = state;
  const things = channels.map(({ name }) => thingOf(name));
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
  return controlSize(world) + stateSize(world) * (1 + 2 * world.dynamics.stateFrequencies.length);
}

/** Bytes, in fp32, of what is kept of one tick of the window, and of what memory blocks keep of all. */
export function memoryBytes({ dynamics }: WorldManifest): { page: number; state: number } {
  const { tokens, width, blocks, heads, latent } = dynamics;
  const count = (kind: string) => [...blocks].filter((block) => block === kind).length;
  return {
    page: 4 * count("w") * tokens * (latent + rotarySize(dynamics)),
    state: 4 * count("m") * width * (width / heads),
  };
}

type Rules = Map<string, TensorRule>;

export function tokenizerTensors(world: WorldManifest): Rules {
  const { stride, tokenizer } = world;
  const { height, width: across } = cameraOf(world);
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
  conv("decoder.kept1", tokenizer.kept, a + pixels, 1);
  conv("decoder.kept2", 4 * stride, tokenizer.kept, 3);
  const map = (name: string, channels: number, scale: number): void => {
    rules.set(`maps.${name}`, half(channels, height / scale, across / scale));
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
  const { near, far, maps, whole, features } = tokenizer.reader;
  const reader = (name: string, outputs: number): void => {
    let inputs = 3;
    for (const [part, convolutions] of Object.entries({ near, far })) {
      for (const [i, { channels }] of convolutions.entries()) {
        conv(`${name}.${part}.${i}`, channels, inputs, 3);
        inputs = channels;
      }
    }
    const seen = near.at(-1)?.channels ?? 0;
    conv(`${name}.maps`, maps, seen, 1);
    linear(`${name}.whole`, whole, (inputs * height * across) / strideOf([...near, ...far]) ** 2);
    linear(`${name}.features`, features, maps * (seen + 2) + whole);
    linear(`${name}.head`, outputs, features);
  };
  reader("reader", state);
  if (tokenizer.appearance > 0) reader("appearance", tokenizer.appearance);
  const { width, points, hidden, channels: drawn, stateFrequencies, placeFrequencies } = tokenizer.renderer;
  linear("renderer.inp", width, state * (1 + 2 * stateFrequencies.length));
  if (tokenizer.appearance > 0) linear("renderer.appearance", width, tokenizer.appearance, false);
  linear("renderer.hidden", width, width);
  linear("renderer.points", 2 * points, width);
  linear("renderer.told", hidden, width);
  for (const axis of ["across", "down"]) linear(`renderer.${axis}`, hidden, points * (1 + 2 * placeFrequencies.length));
  linear("renderer.place", hidden, hidden);
  linear("renderer.there", drawn, hidden);
  conv("renderer.out", 12, drawn, 3);
  for (const [scale, to] of [
    [8, c],
    [4, b],
    [2, a],
    [1, pixels],
  ] as const) {
    rules.set(`decoder.rendered${scale}.weight`, half(to, pixels, 1, 1));
  }
  return rules;
}

export function dynamicsTensors(world: WorldManifest): Rules {
  const { tokens, width, blocks, heads, latent, experts, mlpRatio, condWidth, chunk } = world.dynamics;
  const { levels, spot, router, readout, predictor, scores } = world.dynamics;
  const rotary = rotarySize(world.dynamics);
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
  linear("predictor.inp", predictor.width, 2 * controlSize(world));
  linear("predictor.fourier", predictor.features, 2 * controlSize(world));
  linear("predictor.fourier_out", predictor.width, predictor.features, false);
  for (const i of [1, 2]) linear(`predictor.hidden${i}`, predictor.width, predictor.width);
  const { views, shared, own } = stateViews(world);
  if (views.length > 1) rules.set("predictor.units", half(2, state));
  linear("predictor.out", shared + own, predictor.width);
  rules.set("predictor.range", half(2, state));
  linear("control_in", width, features);
  linear("spot_in", tokens * spot, features);
  linear("spot_out", width, spot, false);
  linear("control_cond", condWidth, features);
  linear("level_t", condWidth, levels.size);
  linear("level_r", condWidth, levels.size, false);
  linear("level_context", condWidth, levels.size, false);
  rules.set("gap_cond", half(chunk, condWidth));
  linear("cond", condWidth, condWidth);
  linear("router_in", router.width, features + channels);
  linear("router_out", experts, router.width);
  for (const [i, kind] of [...blocks].entries()) {
    const block = `blocks.${i}`;
    linear(`${block}.query`, width + heads * rotary, width, false);
    linear(`${block}.latents`, latent + rotary, width, false);
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
  linear("spot", spot, width);
  linear("look.map", readout.maps, spot);
  linear("heads_in", width, width + readout.maps * (spot + 2));
  linear("state_out", state, width);
  const scored = 2 * (world.tasks.length - 1);
  linear("scores.inp", scores.width, state);
  for (const i of [1, 2]) linear(`scores.hidden${i}`, scores.width, scores.width);
  linear("scores.out", scored, scores.width);
  linear("scores_in", width, width + state);
  linear("scores_out", scored, width);
  return rules;
}

/** Of training/uncertainty.py. */
export function uncertaintyTensors(world: WorldManifest): Rules {
  const [control, { tokens }, { latentChannels: C }] = [controlSize(world), world.dynamics, world.tokenizer];
  const shapes = {
    control_mean: [control],
    control_axes: [control, control],
    latent_mean: [tokens, C],
    latent_axes: [C, C],
    scale: [3, 2],
    levels: [world.uncertainty?.levels ?? 0],
  };
  return new Map(Object.entries(shapes).map(([name, shape]) => [name, { dtype: "F32", shape }]));
}

export function startTensors(world: WorldManifest): Rules {
  const { height, width } = cameraOf(world);
  const count = world.starts.names.length;
  return new Map([
    ["frames", { dtype: "U8", shape: [count, height, width, 3] }],
    ["proprioception", { dtype: "F32", shape: [count, world.state.proprioception] }],
  ]);
}

function half(...shape: readonly number[]): TensorRule {
  return { dtype: "F16", shape };
}
