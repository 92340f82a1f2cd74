// Older world.json, in the shape of today's: the one place that knows what they looked like.

/** `json` with today's keys. What is no world is left as it is, for the schema to refuse. */
export function upgraded(json: unknown): unknown {
  if (!isObject(json) || !isObject(json.action)) return json;
  const { names, ...space } = json.action;
  return names === undefined ? json : { ...json, action: { ...space, channels: channelsOf(names, space) } };
}

/**
 * Channels were names alone, their units and bounds in words behind them: `dx (1 = 0.015 m)`, `gripper (1 = closes by 0.02 m)`
 * of the simulator, `to x (px) (-1: 0, 1: 511)` of imported logs. Where those words alone told two names apart, they stay.
 */
function channelsOf(names: unknown, { low, high }: Record<string, unknown>): unknown {
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

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
