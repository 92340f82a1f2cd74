import { at, type Dense } from "../../dense.js";
import type { Reference } from "../../reference-op.js";
import { activate } from "../activation.js";
import { unit } from "../rms/op.ref.js";
import type { DeltaWrite } from "./op.js";

export const deltaWriteReference: Reference<DeltaWrite> = ({ in: inputs, weights, attributes }, values) => {
  const [x, rates, state] = [inputs.x, inputs.rates, inputs.state].map((of) => values.read(of)) as [
    Dense,
    Dense,
    Dense,
  ];
  const decays = values.weight(weights.decay);
  const N = attributes.heads;
  const [B, , L] = x.shape as [number, number, number];
  const D = state.shape.at(-1) as number;
  const W = N * D;
  const y = { shape: state.shape, data: state.data.slice() };
  for (let b = 0; b < B; b++) {
    for (let n = 0; n < N; n++) {
      const S = y.data.subarray((b * N + n) * D * D, (b * N + n + 1) * D * D);
      const rate = (token: number, i: number) => at(rates, (b * L + token) * 2 * N + i);
      let forget = 0;
      for (let token = 0; token < L; token++) forget += rate(token, N + n) / L;
      const kept = Math.exp(-Math.exp(at(decays, n)) * Math.log1p(Math.exp(forget)));
      for (const [i, value] of S.entries()) S[i] = value * kept;
      for (let token = 0; token < L; token++) {
        const from = (b * L + token) * 4 * W + n * D;
        const key = unit(x.data.subarray(from + W, from + W + D)).map((k) => k / Math.sqrt(D));
        const value = x.data.subarray(from + 2 * W, from + 2 * W + D);
        const write = activate.sigmoid(rate(token, n));
        const off = value.map((v, d) => v - key.reduce((sum, k, i) => sum + k * (S[i * D + d] as number), 0));
        for (const [i, k] of key.entries()) {
          for (const [d, o] of off.entries()) S[i * D + d] = (S[i * D + d] as number) + write * k * o;
        }
      }
    }
  }
  return { y };
};
