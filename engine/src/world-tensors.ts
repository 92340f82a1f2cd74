// The tensors that a world's files must hold, by the names of PyTorch's state_dict: training/tokenizer.py and
// training/dynamics.py are where they come from. A Linear weight is [out, in].
import type { TensorRule } from "./safetensors.js";
import type { WorldManifest } from "./world-schema.js";

/** Sines and cosines that a noise level is given as: `level_size` of training/dynamics.py. */
export const LEVEL_SIZE = 64;

/** Radians a standard deviation of proprioception, of the waves that an aim is given as: `WAVES` of dynamics.py. */
export const WAVES: readonly number[] = Array.from({ length: 5 }, (_, i) => (Math.PI / 4) * 2 ** i);

/** What each token of its own reads from the control: `SPOT` of training/dynamics.py. */
export const SPOT = 32;

/** Numbers that move a tick: its action block, and the proprioception read from the tick before. */
export function controlSize({ stride, action, proprioception }: WorldManifest): number {
  return stride * action.names.length + proprioception.names.length;
}

// The control, the aim, and the aim's waves.
function featureSize(world: WorldManifest): number {
  return controlSize(world) + world.proprioception.names.length * (1 + 2 * WAVES.length);
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
  const map = (name: string, channels: number, scale: number): void => {
    rules.set(`maps.${name}`, half(channels, frame.height / scale, frame.width / scale));
  };
  map("encode2", a, 2);
  map("decode16", d, 16);
  map("decode8", c, 8);
  map("decode4", b, 4);
  map("decode2", a, 2);
  map("picture", 3, 1);
  return rules;
}

export function dynamicsTensors(world: WorldManifest): Rules {
  const { tokens, width, depth, heads, mlpRatio, condWidth, window } = world.dynamics;
  const channels = world.tokenizer.latentChannels;
  const features = featureSize(world);
  const pose = world.proprioception.names.length;
  const outputs = 2 * (world.tasks.length - 1) + pose;
  const rules: Rules = new Map();
  const linear = (name: string, to: number, from: number, bias = true): void => {
    rules.set(`${name}.weight`, half(to, from));
    if (bias) rules.set(`${name}.bias`, half(to));
  };
  linear("inp", width, 2 * channels);
  rules.set("place", half(tokens, width));
  rules.set("reach", half(pose, controlSize(world) - pose));
  rules.set("pose_range", half(2, pose));
  linear("control_in", width, features);
  linear("spot_in", tokens * SPOT, features);
  linear("spot_out", width, SPOT, false);
  linear("control_cond", condWidth, features);
  linear("level_t", condWidth, LEVEL_SIZE);
  linear("level_r", condWidth, LEVEL_SIZE, false);
  linear("level_context", condWidth, LEVEL_SIZE, false);
  linear("cond", condWidth, condWidth);
  for (let i = 0; i < depth; i++) {
    const block = `blocks.${i}`;
    linear(`${block}.qkv`, 3 * width, width, false);
    linear(`${block}.out`, width, width, false);
    linear(`${block}.up`, mlpRatio * width, width);
    linear(`${block}.down`, width, mlpRatio * width);
    linear(`${block}.modulation`, 6 * width, condWidth);
    rules.set(`${block}.age_bias`, half(heads, window + 2));
    rules.set(`${block}.query_scale`, half(heads, 1));
  }
  linear("final_modulation", 2 * width, condWidth);
  linear("out", channels, width);
  linear("heads_in", width, width);
  linear("heads_out", outputs, width);
  return rules;
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
