// training/dynamics.py in plain loops and float64, without a cache: every call recomputes all ticks, each attending to
// those before it by their age, and every memory token by token. The definition that the engine's memory is held to.
import type { World } from "../../engine/src/world.js";
import type { WorldManifest } from "../../engine/src/world-schema.js";

export interface PlainTick {
  /** `[L, C]`. */
  readonly z: ArrayLike<number>;
  readonly previous: ArrayLike<number>;
  /** `[s A + Q]`: its actions, and the state before it. */
  readonly control: ArrayLike<number>;
  /** That of the tick before. */
  readonly before: ArrayLike<number>;
  readonly t: number;
  readonly r: number;
}

export interface PlainResult {
  /** X, `[L, C]`. */
  readonly end: number[];
  /** Reward, success logits, state. */
  readonly heads: number[];
}

type Rows = number[][];
type Sizes = WorldManifest["dynamics"];

/** What the network makes of the last of `ticks`; those before it are clean (t = r = 0), the first is the sink. */
export function recompute({ manifest, dynamics: weights }: World, ticks: readonly PlainTick[]): PlainResult {
  const { dynamics: sizes, state: known } = manifest;
  const { tokens: L, width: W, blocks, heads: N, window, contextLevel, rotary: pairs } = sizes;
  const C = manifest.tokenizer.latentChannels;
  const [D, R] = [W / N, 6 * pairs.length];
  const get = (name: string): Float32Array => {
    const weight = weights.get(name);
    if (!weight) throw new Error(`no weight ${name}`);
    return weight.data;
  };
  const linear = (x: readonly number[], name: string): number[] => {
    const matrix = get(`${name}.weight`);
    const bias = weights.get(`${name}.bias`)?.data;
    return Array.from({ length: matrix.length / x.length }, (_, row) =>
      x.reduce((sum, value, i) => sum + value * at(matrix, row * x.length + i), bias ? at(bias, row) : 0),
    );
  };
  // Where the actions lead the state; a change of no more than the deadband is none.
  function predict(control: readonly number[], before: readonly number[]): number[] {
    const range = get("predictor.range");
    const size = range.length / 2;
    const [actions, state] = [control.slice(0, -size), control.slice(-size)];
    const change = state.map((x, i) => sizes.predictor.change * (x - at(before, actions.length + i)));
    // Each of the things that are alike, if there are any, is looked at from where it stands, with the next ones behind it.
    const names = known.channels.map(({ name }) => name);
    const { alike = [] } = known;
    const numbers = alike.map((thing) => [...names.keys()].filter((i) => names[i]?.startsWith(`${thing} `)));
    const nobodys = [...names.keys()].filter((i) => !numbers.flat().includes(i));
    const scale = alike.length > 1 ? part(get("predictor.units"), 0, size) : names.map(() => 1);
    const shift = alike.length > 1 ? part(get("predictor.units"), 1, size) : names.map(() => 0);
    const moves: number[] = names.map(() => 0);
    for (const n of alike.length > 1 ? alike.keys() : [0]) {
      const view = [nobodys, ...numbers.slice(n), ...numbers.slice(0, n)].flat();
      const there = view.map((i) => at(state, i) * at(scale, i) + at(shift, i));
      const told = [...actions, ...there, ...before.slice(0, -size), ...view.map((i) => at(change, i) * at(scale, i))];
      const seen = linear(linear(told, "predictor.fourier").map(Math.sin), "predictor.fourier_out");
      let x = silu(sum(linear(told, "predictor.inp"), seen));
      for (const i of [1, 2]) x = sum(x, silu(linear(x, `predictor.hidden${i}`)));
      for (const [k, move] of linear(x, "predictor.out").entries()) {
        const i = view[k] as number;
        moves[i] = at(moves, i) + move / at(scale, i) / (nobodys.includes(i) ? Math.max(1, alike.length) : 1);
      }
    }
    return moves.map((moved, i) => {
      const there = at(state, i) + (Math.abs(moved) > sizes.predictor.deadband ? moved : 0);
      return Math.min(Math.max(there, at(range, i)), at(range, size + i));
    });
  }
  const streams = ticks.map(({ z, previous, control, before, t, r }) => {
    const predicted = predict(Array.from(control), Array.from(before));
    const angles = sizes.stateFrequencies.flatMap((frequency) => predicted.map((y) => y * frequency));
    const features = [...Array.from(control), ...predicted, ...angles.map(Math.sin), ...angles.map(Math.cos)];
    const controlIn = sum(linear(features, "control_in"), part(get("gap"), 0, W));
    const spots = chunks(linear(features, "spot_in"), sizes.spot);
    const x = Array.from({ length: L }, (_, i) => {
      const both = [...part(z, i, C), ...part(previous, i, C)];
      const placed = sum(linear(both, "inp"), part(get("place"), i, W));
      return sum(sum(placed, controlIn), linear(spots[i] ?? [], "spot_out"));
    });
    const levels = [linear(sinusoid(t, sizes), "level_t"), linear(sinusoid(t - r, sizes), "level_r")];
    levels.push(linear(sinusoid(contextLevel, sizes), "level_context"));
    const told = sum(linear(features, "control_cond"), part(get("gap_cond"), 0, sizes.condWidth));
    const cond = silu(linear(silu(levels.reduce(sum, told)), "cond"));
    const pooled = chunks(Array.from(previous), C)
      .reduce(sum)
      .map((y) => y / L);
    const logits = linear(silu(linear([...features, ...pooled], "router_in")), "router_out");
    return { x, cond, predicted, expert: logits.indexOf(Math.max(...logits)) };
  });
  for (const [layer, kind] of [...blocks].entries()) {
    const block = `blocks.${layer}`;
    const scales = get(`${block}.query_scale`);
    const projected = streams.map(({ x, cond }) => {
      const modulation = chunks(linear(cond, `${block}.modulation`), W);
      const read = x.map((row) => modulate(row, modulation, 0));
      const kept = read.map((row) => {
        const y = linear(row, `${block}.latents`);
        const latent = rms(y.slice(0, -R));
        const [keys, values] = [chunks(linear(latent, `${block}.key`), D), chunks(linear(latent, `${block}.value`), D)];
        return { keys, values, rotary: rms(y.slice(-R)) };
      });
      const queries = read.map((row) => chunks(linear(row, `${block}.query`), D + R).map(rms));
      return { modulation, read, kept, queries };
    });
    const states = Array.from({ length: N }, () => Array.from({ length: D }, () => new Array<number>(D).fill(0)));
    for (const [now, stream] of streams.entries()) {
      const { modulation, read, queries } = projected[now] as (typeof projected)[number];
      const attended = queries.map((perHead, i) =>
        perHead.flatMap((query, n) => {
          const [q, qRotary] = [query.slice(0, D), turn(query.slice(D), pairs, 0, i, L)];
          const shown = projected.slice(0, now + 1).flatMap(({ kept }, tick) => {
            const age = now - tick;
            if (kind === "m" ? age > 0 : tick !== 0 && age > window) return [];
            const time = age === 0 ? 0 : tick === 0 ? -(window + 1) : -age;
            return kept.map(({ keys, values, rotary }, j) => {
              const score = dot(q, keys[n] ?? []) + dot(qRotary, turn(rotary, pairs, time, j, L));
              return { score: (score * at(scales, n)) / (D + R), value: values[n] ?? [] };
            });
          });
          const most = Math.max(...shown.map(({ score }) => score));
          const powers = shown.map(({ score }) => Math.exp(score - most));
          const total = powers.reduce((a, b) => a + b, 0);
          return Array.from({ length: D }, (_, d) =>
            shown.reduce((acc, { value }, k) => acc + (at(powers, k) / total) * at(value, d), 0),
          );
        }),
      );
      const seen = kind === "m" ? attended.map((row, i) => [...row, ...remembered(i)]) : attended;
      function remembered(i: number): number[] {
        const [q, , , gate] = chunks(linear(read[i] ?? [], `${block}.memory.inp`), W) as [
          number[],
          number[],
          number[],
          number[],
        ];
        const shown = chunks(q, D).flatMap((query, n) => {
          const unit = rms(query).map((y) => y / Math.sqrt(D));
          return rms(
            Array.from({ length: D }, (_, d) =>
              dot(
                unit,
                (states[n] ?? []).map((row) => row[d] ?? 0),
              ),
            ),
          );
        });
        return product(shown, silu(gate));
      }
      stream.x = stream.x.map((row, i) => {
        const x = sum(row, product(modulation[2] ?? [], linear(seen[i] ?? [], `${block}.out`)));
        const expert = `${block}.experts.${stream.expert}`;
        const hidden = linear(modulate(x, modulation, 3), `${expert}.up`).map(gelu);
        return sum(x, product(modulation[5] ?? [], linear(hidden, `${expert}.down`)));
      });
      if (kind !== "m") continue;
      // The gated delta rule, a token at a time.
      const rates = read.map((row) => linear(row, `${block}.memory.rates`));
      for (const [n, state] of states.entries()) {
        const forget = rates.reduce((acc, row) => acc + at(row, N + n), 0) / L;
        const decay = Math.exp(-Math.exp(at(get(`${block}.memory.decay`), n)) * Math.log1p(Math.exp(forget)));
        for (const row of state) for (let d = 0; d < D; d++) row[d] = decay * at(row, d);
        for (const [i, row] of read.entries()) {
          const parts = chunks(linear(row, `${block}.memory.inp`), W).map((y) => chunks(y, D)[n] ?? []);
          const [key, value] = [rms(parts[1] ?? []).map((y) => y / Math.sqrt(D)), parts[2] ?? []];
          const write = 1 / (1 + Math.exp(-at(rates[i] ?? [], n)));
          const held = Array.from({ length: D }, (_, d) =>
            dot(
              key,
              state.map((line) => line[d] ?? 0),
            ),
          );
          for (const [j, line] of state.entries()) {
            for (let d = 0; d < D; d++) line[d] = at(line, d) + write * at(key, j) * (at(value, d) - at(held, d));
          }
        }
      }
    }
  }
  const last = streams.at(-1) as (typeof streams)[number];
  const modulation = chunks(linear(last.cond, "final_modulation"), W);
  const final = last.x.map((row) => modulate(row, modulation, 0));
  const mean = final.reduce(sum).map((y) => y / L);
  const previous = Array.from((ticks.at(-1) as PlainTick).previous);
  const end = sum(
    previous,
    final.flatMap((row) => linear(row, "out")),
  );
  const y = silu(
    linear(
      [
        ...mean,
        ...look(
          final.map((row) => linear(linear(row, "spot"), "look.map")),
          final.map((row) => linear(row, "spot")),
        ),
      ],
      "heads_in",
    ),
  );
  const state = sum(
    last.predicted,
    linear(y, "state_out").map((more) => (Math.abs(more) > sizes.readout.deadband ? more : 0)),
  );
  let hidden = silu(linear(state, "scores.inp"));
  for (const i of [1, 2]) hidden = sum(hidden, silu(linear(hidden, `scores.hidden${i}`)));
  const more = linear(silu(linear([...y, ...state], "scores_in")), "scores_out");
  return { end, heads: [...sum(linear(hidden, "scores.out"), more), ...state] };
}

// For each map, the mean over tokens of what is there and of the token's place, by the map's softmax.
function look(maps: Rows, spots: Rows): number[] {
  const side = Math.sqrt(spots.length);
  const line = (i: number) => -1 + (2 * i) / (side - 1);
  const there = spots.map((row, i) => [...row, line(Math.floor(i / side)), line(i % side)]);
  return (maps[0] ?? []).flatMap((_, m) => {
    const scores = maps.map((row) => at(row, m));
    const powers = scores.map((score) => Math.exp(score - Math.max(...scores)));
    const total = powers.reduce((a, b) => a + b, 0);
    return there.map((row, i) => row.map((x) => (x * at(powers, i)) / total)).reduce(sum);
  });
}

// The pairs (x_i, x_(i + R/2)) turned by the angles of a time, a row and a column.
function turn(x: readonly number[], rates: readonly number[], time: number, token: number, tokens: number): number[] {
  const side = Math.sqrt(tokens);
  const angles = [time, Math.floor(token / side), token % side].flatMap((place) => rates.map((rate) => place * rate));
  const half = angles.length;
  const first = angles.map((angle, i) => at(x, i) * Math.cos(angle) - at(x, i + half) * Math.sin(angle));
  return [...first, ...angles.map((angle, i) => at(x, i) * Math.sin(angle) + at(x, i + half) * Math.cos(angle))];
}

function sinusoid(t: number, { levels }: Sizes): number[] {
  const half = levels.size / 2;
  const angles = Array.from({ length: half }, (_, i) => t * levels.radians ** (i / (half - 1)));
  return [...angles.map(Math.sin), ...angles.map(Math.cos)];
}

// LayerNorm, then times (1 + scale) plus shift; those are parts `first` and `first + 1` of the modulation.
function modulate(x: readonly number[], modulation: Rows, first: number): number[] {
  const [shift, scale] = [modulation[first] ?? [], modulation[first + 1] ?? []];
  const mean = x.reduce((a, b) => a + b, 0) / x.length;
  const variance = x.reduce((acc, y) => acc + (y - mean) ** 2, 0) / x.length;
  return x.map((y, i) => ((y - mean) / Math.sqrt(variance + 1e-6)) * (1 + at(scale, i)) + at(shift, i));
}

function rms(x: readonly number[]): number[] {
  const scale = 1 / Math.sqrt(dot(x, x) / x.length + 1e-6);
  return x.map((y) => y * scale);
}

function silu(x: readonly number[]): number[] {
  return x.map((y) => y / (1 + Math.exp(-y)));
}

function gelu(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((acc, x, i) => acc + x * at(b, i), 0);
}

function sum(a: readonly number[], b: ArrayLike<number>): number[] {
  return a.map((x, i) => x + at(b, i));
}

function product(a: readonly number[], b: readonly number[]): number[] {
  return a.map((x, i) => x * at(b, i));
}

function part(data: ArrayLike<number>, i: number, size: number): number[] {
  return Array.from({ length: size }, (_, j) => at(data, i * size + j));
}

function chunks(data: readonly number[], size: number): Rows {
  return Array.from({ length: data.length / size }, (_, i) => data.slice(i * size, (i + 1) * size));
}

function at(data: ArrayLike<number>, i: number): number {
  const value = data[i];
  if (value === undefined) throw new Error(`index ${i} of ${data.length}`);
  return value;
}
