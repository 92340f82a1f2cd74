// training/dynamics.py in plain loops and float64, without a cache: every call recomputes all ticks, each attending to
// those before it by their age. The definition that the engine's K/V memory is held to.
import type { World } from "../../engine/src/world.js";

export interface PlainTick {
  /** `[L, C]`. */
  readonly z: ArrayLike<number>;
  readonly previous: ArrayLike<number>;
  /** `[s, A]`. */
  readonly control: ArrayLike<number>;
  readonly t: number;
  readonly r: number;
}

export interface PlainResult {
  /** X, `[L, C]`. */
  readonly end: number[];
  /** Reward, success logits, proprioception. */
  readonly heads: number[];
}

type Rows = number[][];

/** What the network makes of the last of `ticks`; those before it are clean (t = r = 0), the first is the sink. */
export function recompute({ manifest, dynamics: weights }: World, ticks: readonly PlainTick[]): PlainResult {
  const { tokens: L, width: W, depth, heads: N, window, contextLevel } = manifest.dynamics;
  const C = manifest.tokenizer.latentChannels;
  const D = W / N;
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
  const streams = ticks.map(({ z, previous, control, t, r }) => {
    const aimed = aim(Array.from(control), get("reach"), get("pose_range"));
    const angles = Array.from({ length: 5 }, (_, i) => aimed.map((y) => (y * Math.PI * 2 ** i) / 4)).flat();
    const features = [...Array.from(control), ...aimed, ...angles.map(Math.sin), ...angles.map(Math.cos)];
    const controlIn = linear(features, "control_in");
    const spots = chunks(linear(features, "spot_in"), 32);
    const x = Array.from({ length: L }, (_, i) => {
      const both = [...part(z, i, C), ...part(previous, i, C)];
      const placed = sum(linear(both, "inp"), part(get("place"), i, W));
      return sum(sum(placed, controlIn), linear(spots[i] ?? [], "spot_out"));
    });
    const levels = [linear(sinusoid(t), "level_t"), linear(sinusoid(t - r), "level_r")];
    levels.push(linear(sinusoid(contextLevel), "level_context"));
    const cond = silu(linear(silu(levels.reduce(sum, linear(features, "control_cond"))), "cond"));
    return { x, cond, aimed };
  });
  for (let layer = 0; layer < depth; layer++) {
    const block = `blocks.${layer}`;
    const bias = get(`${block}.age_bias`);
    const scales = get(`${block}.query_scale`);
    const projected = streams.map(({ x, cond }) => {
      const modulation = chunks(linear(cond, `${block}.modulation`), W);
      const qkv = x.map((row) =>
        chunks(linear(modulate(row, modulation, 0), `${block}.qkv`), W).map((y) => chunks(y, D)),
      );
      const pick = (which: number, n: number): Rows => qkv.map((row) => row[which]?.[n] ?? []);
      const perHead = Array.from({ length: N }, (_, n) => ({
        q: pick(0, n).map((row) => rms(row).map((y) => (y * at(scales, n)) / D)),
        k: pick(1, n).map(rms),
        v: pick(2, n),
      }));
      return { modulation, perHead };
    });
    for (const [now, stream] of streams.entries()) {
      const { modulation, perHead } = projected[now] as (typeof projected)[number];
      const attended = perHead.map(({ q }, n) =>
        q.map((query) => {
          const shown = projected.slice(0, now + 1).flatMap(({ perHead: of }, tick) => {
            const age = now - tick;
            if (tick !== 0 && age > window) return [];
            const column = age === 0 ? 0 : tick === 0 ? window + 1 : age;
            const { k, v } = of[n] as (typeof of)[number];
            return k.map((key, i) => ({
              score: dot(query, key) + at(bias, n * (window + 2) + column),
              value: v[i] ?? [],
            }));
          });
          const most = Math.max(...shown.map(({ score }) => score));
          const powers = shown.map(({ score }) => Math.exp(score - most));
          const total = powers.reduce((a, b) => a + b, 0);
          return Array.from({ length: D }, (_, d) =>
            shown.reduce((acc, { value }, i) => acc + (at(powers, i) / total) * at(value, d), 0),
          );
        }),
      );
      stream.x = stream.x.map((row, i) => {
        const joined = attended.flatMap((head) => head[i] ?? []);
        const x = sum(row, product(modulation[2] ?? [], linear(joined, `${block}.out`)));
        const hidden = linear(modulate(x, modulation, 3), `${block}.up`).map(gelu);
        return sum(x, product(modulation[5] ?? [], linear(hidden, `${block}.down`)));
      });
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
  const heads = linear(silu(linear(mean, "heads_in")), "heads_out");
  const tasks = heads.length - last.aimed.length;
  return { end, heads: heads.map((y, i) => (i < tasks ? y : y + at(last.aimed, i - tasks))) };
}

function aim(control: readonly number[], reach: Float32Array, range: Float32Array): number[] {
  const size = range.length / 2;
  const actions = control.slice(0, -size);
  return control.slice(-size).map((pose, i) => {
    const moved = actions.reduce((acc, x, j) => acc + x * at(reach, i * actions.length + j), pose);
    return Math.min(Math.max(moved, at(range, i)), at(range, size + i));
  });
}

function sinusoid(t: number): number[] {
  const angles = Array.from({ length: 32 }, (_, i) => t * 20 ** (i / 31));
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
