import { at, dense } from "../../dense.js";
import type { Reference } from "../../reference-op.js";
import { unit } from "../rms/op.ref.js";
import type { Attend } from "./op.js";

/** The pairs (x_i, x_(i + R/2)) turned by the angles of a time, a row and a column. */
function turned(x: Float64Array, turns: readonly number[], time: number, token: number, side: number): Float64Array {
  const places = [time, Math.floor(token / side), token % side];
  const angles = places.flatMap((place) => turns.map((rate) => place * rate));
  const half = angles.length;
  const y = new Float64Array(2 * half);
  for (const [i, angle] of angles.entries()) {
    const [a, b] = [x[i] as number, x[i + half] as number];
    y[i] = a * Math.cos(angle) - b * Math.sin(angle);
    y[i + half] = a * Math.sin(angle) + b * Math.cos(angle);
  }
  return y;
}

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, x, i) => sum + x * (b[i] as number), 0);

export const attendReference: Reference<Attend> = ({ in: inputs, out, weights, attributes }, values) => {
  const [query, own] = [values.read(inputs.query), values.read(inputs.own)];
  const [past, ages] = [inputs.past, inputs.ages].map((of) => of.map((tensor) => values.read(tensor))) as [
    (typeof own)[],
    (typeof own)[],
  ];
  const [key, value, scale] = [weights.key, weights.value, weights.scale].map((name) => values.weight(name)) as [
    typeof own,
    typeof own,
    typeof own,
  ];
  const { heads: N, turns, sinkAge } = attributes;
  const [B, T, L] = own.shape as [number, number, number];
  const [W, K] = key.shape as [number, number];
  const [D, R, side] = [W / N, 6 * turns.length, Math.sqrt(L)];
  const y = dense(values.shape(out.y));
  const project = (matrix: typeof own, latent: Float64Array, n: number): Float64Array =>
    Float64Array.from({ length: D }, (_, d) => dot(latent, matrix.data.subarray((n * D + d) * K, (n * D + d + 1) * K)));
  for (let b = 0; b < B; b++) {
    // All that may be looked at, by head: its key, its rotary part where it is, whether it is the sink, and its value.
    const shown: { row: Float64Array; time: number; token: number; isSink: boolean }[] = [];
    for (const [i, page] of past.entries()) {
      const [, S = 0] = page.shape;
      for (let slot = 0; slot < S; slot++) {
        const age = at(ages[i] as typeof own, b * S + slot);
        if (age === 0) continue;
        for (let token = 0; token < L; token++) {
          const from = ((b * S + slot) * L + token) * (K + R);
          const row = page.data.subarray(from, from + K + R);
          shown.push({ row, time: slot === 0 ? -sinkAge : -age, token, isSink: slot === 0 });
        }
      }
    }
    for (let token = 0; token < T * L; token++) {
      const from = (b * T * L + token) * (K + R);
      const row = own.data.subarray(from, from + K + R);
      shown.push({ row, time: Math.floor(token / L), token: token % L, isSink: false });
    }
    for (let n = 0; n < N; n++) {
      const keys = shown.map(({ row }) => project(key, row.subarray(0, K), n));
      const vals = shown.map(({ row }) => project(value, row.subarray(0, K), n));
      const rotaries = shown.map(({ row, time, token }) => turned(row.subarray(K), turns, time, token, side));
      for (let token = 0; token < T * L; token++) {
        const from = ((b * T * L + token) * N + n) * (D + R);
        const q = unit(query.data.subarray(from, from + D + R)).map((x) => (x * at(scale, n)) / (D + R));
        const [plain, rotary] = [q.subarray(0, D), q.subarray(D)];
        const here = turned(rotary, turns, Math.floor(token / L), token % L, side);
        const fromFirst = turned(rotary, turns, 0, token % L, side);
        const scores = shown.map(({ isSink }, i) => {
          return dot(plain, keys[i] as Float64Array) + dot(isSink ? fromFirst : here, rotaries[i] as Float64Array);
        });
        const most = Math.max(...scores);
        const powers = scores.map((score) => Math.exp(score - most));
        const total = powers.reduce((sum, power) => sum + power, 0);
        for (let d = 0; d < D; d++) {
          const seen = powers.reduce((sum, power, i) => sum + power * ((vals[i] as Float64Array)[d] as number), 0);
          y.data[(b * T * L + token) * W + n * D + d] = seen / total;
        }
      }
    }
  }
  return { y };
};
