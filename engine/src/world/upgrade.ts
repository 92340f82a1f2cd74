// Older world.json and tensor names, in the shape of today's: the one place that knows what they looked like. For the recipe
// training/world.py says the same.

type Json = Record<string, unknown>;

/** A world with today's keys. */
export interface Upgraded {
  /** What is no world is as it was, for the schema to refuse. */
  readonly json: unknown;
  /** What a tensor that the world's files call `name` is called today. */
  readonly tensorName: (name: string) => string;
}

export function upgrade(json: unknown): Upgraded {
  if (!isObject(json) || json.format !== "worldstep.world.v2") return { json, tensorName: (name) => name };
  return { json: fromV2(json), tensorName: tensorFromV2 };
}

/** Radians that double from `first` on. */
const octaves = (first: number, count: number): number[] => Array.from({ length: count }, (_, i) => first * 2 ** i);

// What was typed into the programs, and world.json did not say.
const V2 = {
  tokenizer: {
    kept: 32,
    appearance: 0,
    reader: {
      near: [
        { stride: 2, channels: 32 },
        { stride: 1, channels: 48 },
        { stride: 2, channels: 64 },
        { stride: 1, channels: 64 },
        { stride: 1, channels: 64 },
      ],
      far: [
        { stride: 2, channels: 80 },
        { stride: 2, channels: 96 },
      ],
      maps: 12,
      whole: 128,
      features: 192,
    },
    renderer: {
      width: 256,
      points: 32,
      hidden: 96,
      channels: 24,
      stateFrequencies: octaves(Math.PI / 4, 5),
      placeFrequencies: octaves(Math.PI / 2, 6),
    },
  },
  dynamics: {
    rotary: [1, 0.5, 0.25, 0.125],
    levels: { size: 64, radians: 20 },
    stateFrequencies: octaves(Math.PI / 4, 5),
    spot: 32,
    router: { width: 64 },
    readout: { maps: 12, deadband: 0.01 },
    scores: { width: 256 },
  },
  predictor: { width: 512, features: 256, change: 4, deadband: 0.004 },
  uncertainty: { levels: 65 },
} as const;

function fromV2(world: Json): Json {
  const { frame, action, proprioception, environmentState, tokenizer, dynamics, uncertainty, ...rest } = world;
  return {
    ...rest,
    format: "worldstep.world.v3",
    cameras: [{ name: "camera", ...(isObject(frame) && frame) }],
    action: isObject(action) ? actionFromV2(action) : action,
    state: stateFromV2(proprioception, environmentState),
    determinism: "bitwise",
    tokenizer: isObject(tokenizer) ? { ...V2.tokenizer, ...tokenizer } : tokenizer,
    dynamics: isObject(dynamics) ? dynamicsFromV2(dynamics) : dynamics,
    ...(uncertainty !== undefined && {
      uncertainty: isObject(uncertainty) ? { ...uncertainty, ...V2.uncertainty } : uncertainty,
    }),
  };
}

function dynamicsFromV2({ waves: features = V2.predictor.features, ...dynamics }: Json): Json {
  return { ...dynamics, ...V2.dynamics, predictor: { ...V2.predictor, features } };
}

/** The state vector stood in two lists, units in brackets behind the names. */
function stateFromV2(proprioception: unknown, environmentState: unknown): unknown {
  if (!isObject(proprioception)) return undefined;
  const { names, mean, std, ...bounds } = proprioception;
  const { names: more, mean: moreMean, std: moreStd, ...alike } = isObject(environmentState) ? environmentState : {};
  const robots = stateChannels(names, mean, std);
  const channels = [...robots, ...stateChannels(more, moreMean, moreStd)];
  return { channels, proprioception: robots.length, ...bounds, ...alike };
}

function stateChannels(names: unknown, mean: unknown, std: unknown): Json[] {
  const at = (list: unknown, i: number): unknown => (Array.isArray(list) ? list[i] : undefined);
  return (Array.isArray(names) ? names : []).map((label: unknown, i) => {
    const [, name = label, unit] = (typeof label === "string" && /^(.*\S) \(([^()]+)\)$/.exec(label)) || [];
    return { name, ...(unit !== undefined && { unit }), mean: at(mean, i), std: at(std, i) };
  });
}

/** Most tensors have kept their names. */
function tensorFromV2(name: string): string {
  return name
    .replace(/^reckoning\.wave/, "predictor.fourier")
    .replace(/^reckoning\./, "predictor.")
    .replace(/^sketch\./, "renderer.")
    .replace(/^decoder\.sketch/, "decoder.rendered")
    .replace(/^reading_out\./, "state_out.")
    .replace(/^row_/, "control_")
    .replace(/\.reading$/, ".state"); // of goldens
}

function actionFromV2(action: Json): Json {
  const { names, ...space } = action;
  return names === undefined ? action : { ...space, channels: channelsOf(names, space) };
}

/**
 * Channels were names alone, their units and bounds in words behind them: `dx (1 = 0.015 m)`, `gripper (1 = closes by 0.02 m)`
 * of the simulator, `to x (px) (-1: 0, 1: 511)` of imported logs. Where those words alone told two names apart, they stay.
 */
function channelsOf(names: unknown, { low, high }: Json): unknown {
  if (!Array.isArray(names)) return names;
  const short = names.map((text: unknown) => String(text).split(" (", 1)[0] as string);
  return names.map((text: unknown, i) => {
    if (typeof text !== "string") return text;
    const isAlone = short.filter((other) => other === short[i]).length === 1;
    const name = isAlone ? short[i] : text.replace(/ \((?:-1:|1 =) .*$/, "");
    const step = /\(1 = (?:[a-z ]* )?([\d.]+(?:e[-+]?\d+)?) (\S+)\)$/.exec(text);
    const range = /^.*?(?: \((.*)\))? \(-1: (\S+), 1: (\S+)\)$/.exec(text);
    const kind = text.startsWith("gripper") ? "gripper" : step ? "delta" : "absolute";
    if (step) return { name, unit: step[2], low: -Number(step[1]), high: Number(step[1]), kind, idle: 0 };
    if (!range) return { name: text, low, high, kind };
    return {
      name,
      ...(isAlone && range[1] && { unit: range[1] }),
      low: Number(range[2]),
      high: Number(range[3]),
      kind,
    };
  });
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
