// The search for a plan: many action sequences are tried, and the next ones are drawn from where the good ones were.
//
// `cem`: the cross-entropy method (Rubinstein, 1999), with candidates that are correlated in time and the best kept from one iteration to the
// next (iCEM: Pinneri et al., CoRL 2020). `mppi`: model predictive path integral control (Williams et al., ICRA 2017), candidates weighted by
// the exponential of their return; the spread follows them too (STORM: Bhardwaj et al., CoRL 2021).
//
// A sequence is searched tick by tick: each tick has one action, which all rows of its block repeat. Shapes: N candidates, T ticks, s rows a
// block, A numbers of an action.
import type { PlanSearch } from "@worldstep/protocols";
import { normals } from "./philox.js";

/** How alike the noise of a tick and of the tick before it are: hands keep on moving. */
const CORRELATION = 0.7;
/** Of the action space's half width: how far the first candidates stray. */
const FIRST_SPREAD = 1;
const LEAST_SPREAD = 0.05;
/** Of the candidates: those that `cem` learns from. */
const ELITES = 0.1;
/** How much of the mean and spread of before is kept. */
const KEPT = 0.1;
/** Of the returns' standard deviation: the temperature of `mppi`. */
const TEMPERATURE = 0.5;

export interface Bounds {
  readonly low: number;
  readonly high: number;
}

interface Candidate {
  /** `[T, A]`. */
  readonly actions: Float32Array;
  readonly worth: number;
}

/**
 * The best of the candidates that were tried, `[T, A]`, and what `evaluate` said it is worth. evaluate: the returns of `[N, T, A]`. The first
 * candidate of every iteration is the mean itself, first of all `begin` `[T, A]`.
 */
export async function search(
  { method, samples, iterations, seed }: Pick<PlanSearch, "method" | "samples" | "iterations" | "seed">,
  begin: Float32Array,
  size: number,
  { low, high }: Bounds,
  evaluate: (candidates: readonly Float32Array[]) => Promise<Float64Array>,
): Promise<Candidate> {
  const half = (high - low) / 2;
  let mean = Float64Array.from(begin);
  let spread = new Float64Array(begin.length).fill(FIRST_SPREAD * half);
  let best: Candidate | undefined;
  for (let i = 0; i < iterations; i++) {
    const noise = normals(seed, i, samples * begin.length, "plan");
    const drawn = Array.from({ length: samples }, (_, n) => {
      if (n === 0) return Float32Array.from(mean);
      if (n === 1 && best) return best.actions;
      const colored = correlated(noise.subarray(n * begin.length, (n + 1) * begin.length), size);
      return new Float32Array(
        colored.map((x, k) => clipped((mean[k] as number) + (spread[k] as number) * x, low, high)),
      );
    });
    const returns = await evaluate(drawn);
    const tried = drawn.map((actions, n): Candidate => ({ actions, worth: returns[n] as number }));
    tried.sort((a, b) => b.worth - a.worth); // stable: of equals the first stays first
    if (best === undefined || (tried[0] as Candidate).worth > best.worth) best = tried[0] as Candidate;
    const [center, width] = moments(tried, method === "cem" ? eliteWeights(tried) : pathWeights(tried));
    mean = mean.map((x, k) => KEPT * x + (1 - KEPT) * (center[k] as number));
    spread = spread.map((x, k) => Math.max(LEAST_SPREAD * half, KEPT * x + (1 - KEPT) * (width[k] as number)));
  }
  return best as Candidate;
}

// Noise `[T, A]` in which each tick's takes after that of the tick before; each number's variance stays 1.
function correlated(noise: Float32Array, size: number): Float64Array {
  const out = new Float64Array(noise);
  const rest = Math.sqrt(1 - CORRELATION ** 2);
  for (let k = size; k < out.length; k++) {
    out[k] = CORRELATION * (out[k - size] as number) + rest * (out[k] as number);
  }
  return out;
}

function eliteWeights(tried: readonly Candidate[]): number[] {
  const elites = Math.max(2, Math.round(ELITES * tried.length));
  return tried.map((_, n) => Number(n < elites));
}

function pathWeights(tried: readonly Candidate[]): number[] {
  const [best] = tried as [Candidate];
  const mean = tried.reduce((sum, { worth }) => sum + worth, 0) / tried.length;
  const deviation = Math.sqrt(tried.reduce((sum, { worth }) => sum + (worth - mean) ** 2, 0) / tried.length);
  return tried.map(({ worth }) => (deviation === 0 ? 1 : Math.exp((worth - best.worth) / (TEMPERATURE * deviation))));
}

function moments(
  candidates: readonly Candidate[],
  weights: readonly number[],
): [mean: Float64Array<ArrayBuffer>, deviation: Float64Array<ArrayBuffer>] {
  const mean = averaged(candidates, weights, (x) => x);
  const variance = averaged(candidates, weights, (x, k) => (x - (mean[k] as number)) ** 2);
  return [mean, variance.map(Math.sqrt)];
}

// The weighted mean of what `of` makes of each number.
function averaged(
  candidates: readonly Candidate[],
  weights: readonly number[],
  of: (x: number, k: number) => number,
): Float64Array<ArrayBuffer> {
  const out = new Float64Array(candidates[0]?.actions.length ?? 0);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  for (const [n, { actions }] of candidates.entries()) {
    const weight = weights[n] as number;
    for (let k = 0; k < out.length; k++) out[k] = (out[k] as number) + weight * of(actions[k] as number, k);
  }
  return out.map((sum) => sum / total);
}

function clipped(x: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, x));
}
