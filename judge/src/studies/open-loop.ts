// Open loop: a dream starts from the first frame of a held-out episode, takes the episode's actions, and is held against
// what reality showed. The same dream under another episode's actions says whether actions are obeyed.
import { byteTensor, type Env, floatTensor, type Observation, type StepResult } from "@worldstep/protocols";
import { heldOutSeed, newestFrame } from "@worldstep/sdk";
import { scaled } from "../bench.js";
import type { Bench, Measured, Probe, Recording, Study } from "../domain.js";
import { blocksOf, dream, dreamInChunks, uncertainties } from "../dream.js";
import { encodePng, type Frame, tile } from "../picture.js";
import { distance, mean, psnr, ssim } from "../statistics.js";

/** The tick at which a rollout under other actions is compared. */
export const SWAP_TICK = 10;
/** Every so many ticks a frame's features are kept, and one is shown in the strip. */
const EVERY = 5;
const STRIPS = 4;
const STRIP_SCALE = 2;

/** What is kept of a rollout in every domain. Curves are by tick, from 1 on. */
export interface OpenLoop {
  readonly psnr: readonly number[];
  readonly ssim: readonly number[];
  /** PSNR of the first frame, repeated. */
  readonly still: readonly number[];
  /** Root mean square of the latents' difference over that of the real latent; absent without a tokenizer. */
  readonly latent?: readonly number[];
  /** PSNR at `SWAP_TICK` of the same dream at each of `BUDGETS`; absent where nothing is sampled. */
  readonly budgets?: readonly number[];
  /** The same dream in chunks: PSNR by tick, and how many chunks; absent where ticks are made one by one. */
  readonly chunked?: { readonly psnr: readonly number[]; readonly chunks: number };
  /** dB; absent without a tokenizer. */
  readonly tokenizer?: number;
  /** Features of dreamed and real frames at every fifth tick. */
  readonly features: readonly (readonly number[])[];
  readonly featuresReal: readonly (readonly number[])[];
  /** By task, by tick. */
  readonly rewards: readonly (readonly number[])[];
  readonly rewardsReal: readonly (readonly number[])[];
  readonly success: readonly (readonly number[])[];
  readonly successReal: readonly (readonly boolean[])[];
  /** By tick; absent where the world does not say. */
  readonly uncertainty?: readonly number[];
  /** PNG, base64: real above dreamed. */
  readonly strip?: string;
}

/** A rollout for a domain to measure. */
export interface Rollout<M extends Measured, E extends Recording> {
  readonly seed: number;
  readonly episode: E;
  /** By tick, from 1 on: what the probe finds in the newest dreamed frame, and in the real one. */
  readonly dreamed: readonly M[];
  readonly real: readonly M[];
  /** The dream, by tick, from 1 on: for what it tells beside its frames. */
  readonly steps: readonly StepResult[];
  /** At `SWAP_TICK` under another episode's actions. */
  readonly swapped: M;
  readonly swappedReal: M;
  /** At `SWAP_TICK`, of the real frames through the world's tokenizer: no dream can be measured better. */
  readonly decoded?: M;
}

/** `measure` says what else is kept of a rollout, as JSON. */
export function openLoop<R extends Env, M extends Measured, E extends Recording, More extends object>(
  measure: (bench: Bench<R, M, E>, rollout: Rollout<M, E>) => Promise<More>,
): Study<OpenLoop & More, Bench<R, M, E>> {
  return {
    count: async ({ settings }) => settings.rollouts ?? scaled(64, settings),
    ticks: ({ domain }) => 7 * domain.ticks,
    run: async (bench, i) => {
      const { domain, probe } = bench;
      const seed = heldOutSeed(bench.settings.seed, i);
      const others = (await domain.record(bench.reality, heldOutSeed(bench.settings.seed, i + 1))).actions;
      const episode = await domain.record(bench.filmed, seed);
      const ticks = blocksOf(bench.subject.spec, episode.actions).length;
      const real = Array.from({ length: ticks }, (_, t) => tickOf(bench, episode, t + 1));
      const first = beginning(bench, episode);
      const steps = await dream(bench, seed, first, episode.actions, ticks);
      const swapped = await dream(bench, seed, first, others, SWAP_TICK);
      const shown = steps.map(({ observation }) => observation);
      const still = repeated(bench, episode);
      const { decoded, ...tokenized } = await throughTokenizer(bench, [still, ...real], shown);
      const newest = (frames: Uint8Array) => frames.slice(-frameBytes(bench));
      const rollout: Rollout<M, E> = {
        seed,
        episode,
        dreamed: await measureAll(probe, shown.map(newestFrame)),
        real: await measureAll(probe, real.map(newest)),
        steps,
        swapped: await probe.measure(newestFrame((swapped.at(-1) as StepResult).observation).slice()),
        swappedReal: await probe.measure(await swappedReality(bench, seed, others)),
        ...(decoded && { decoded: await probe.measure(newest(decoded)) }),
      };
      const sure = uncertainties(steps);
      return {
        psnr: shown.map(({ frames }, t) => psnr(frames.data, real[t] as Uint8Array)),
        ssim: shown.map((o, t) => ssim(newestFrame(o), newest(real[t] as Uint8Array), bench.size)),
        still: real.map((frames) => psnr(still, frames)),
        ...(await atBudgets(bench, episode, seed, real)),
        ...(await inChunks(bench, seed, first, episode, real)),
        ...tokenized,
        features: sparse(rollout.dreamed),
        featuresReal: sparse(rollout.real),
        ...scores(domain.tasks, episode, steps),
        ...(await measure(bench, rollout)),
        ...(sure && { uncertainty: sure }),
        ...(i < STRIPS && { strip: strip(bench, real, shown) }),
      };
    },
  };
}

async function inChunks(
  bench: Bench,
  seed: number,
  first: Observation,
  { actions }: Recording,
  real: readonly Uint8Array[],
): Promise<Pick<OpenLoop, "chunked">> {
  if (bench.subject.spec.chunk === undefined) return {};
  const { steps, chunks } = await dreamInChunks(bench, seed, first, actions);
  return {
    chunked: { psnr: steps.map(({ observation }, t) => psnr(observation.frames.data, real[t] as Uint8Array)), chunks },
  };
}

/** Denoiser evaluations a tick, from the fewest to the most. */
export const BUDGETS = [1, 2, 4, 8, 16, 50] as const;

async function atBudgets(bench: Bench, episode: Recording, seed: number, real: readonly Uint8Array[]) {
  const { nfe } = bench.subject.spec;
  if (nfe === undefined || BUDGETS.some((budget) => budget < nfe.min || budget > nfe.max)) return {};
  const budgets: number[] = [];
  for (const budget of BUDGETS) {
    const steps = await dream(bench, seed, beginning(bench, episode), episode.actions, SWAP_TICK, budget);
    const { observation } = steps.at(-1) as StepResult;
    budgets.push(psnr(observation.frames.data, real[SWAP_TICK - 1] as Uint8Array));
  }
  return { budgets };
}

// What reality shows at `SWAP_TICK` of the episode of `seed` under other actions.
async function swappedReality({ reality, subject }: Bench, seed: number, actions: Float32Array): Promise<Uint8Array> {
  let { observation } = await reality.reset({ seed, maxTicks: 0 });
  for (const block of blocksOf(subject.spec, actions).slice(0, SWAP_TICK))
    ({ observation } = await reality.step(block));
  return newestFrame(observation);
}

/** What reality showed before the first action of `episode`. */
export function beginning(bench: Bench, episode: Recording): Observation {
  const { stride, proprioception } = bench.subject.spec;
  const pose = episode.proprioception.slice(0, proprioception.length);
  const frames = byteTensor(repeated(bench, episode), [stride, bench.size, bench.size, 3]);
  return { frames, proprioception: floatTensor(pose, [pose.length]) };
}

// Where the subject has a tokenizer: what it does to real frames, and how far apart the latents are.
async function throughTokenizer({ subject: { tokenizer } }: Bench, real: Uint8Array[], shown: readonly Observation[]) {
  if (tokenizer === undefined) return {};
  const remade = await tokenizer.reconstruct(real);
  const latent: number[] = [];
  for (const [t, { frames }] of shown.entries()) {
    const [dreamed, truth] = [await tokenizer.encode(frames.data), await tokenizer.encode(real[t + 1] as Uint8Array)];
    latent.push(distance(dreamed, truth) / distance(truth, new Float32Array(truth.length)));
  }
  return {
    latent,
    // Not of the first tick: a tokenizer may keep the picture that its stream began with.
    tokenizer: mean(real.slice(1).map((frames, t) => psnr(frames, remade[t + 1] as Uint8Array))),
    decoded: remade[SWAP_TICK] as Uint8Array,
  };
}

function scores(tasks: readonly string[], episode: Recording, steps: readonly StepResult[]) {
  const told = (key: "rewards" | "successProbabilities") =>
    tasks.map((task) => steps.map(({ info }) => (info[key] as Record<string, number>)[task] ?? Number.NaN));
  const real = <T>(at: (index: number) => T) => tasks.map((_, k) => steps.map((_, t) => at(t * tasks.length + k)));
  return {
    rewards: told("rewards"),
    success: told("successProbabilities"),
    rewardsReal: real((at) => episode.rewards[at] as number),
    successReal: real((at) => episode.success[at] === 1),
  };
}

async function measureAll<M extends Measured>(probe: Probe<M>, frames: readonly Uint8Array[]): Promise<M[]> {
  const measured: M[] = [];
  for (const frame of frames) measured.push(await probe.measure(frame.slice()));
  return measured;
}

function sparse(measured: readonly Measured[]): number[][] {
  return measured
    .filter((_, t) => (t + 1) % EVERY === 0)
    .map(({ features }) => Array.from(features, (value) => Math.round(value * 1e4) / 1e4));
}

function strip(bench: Bench, real: readonly Uint8Array[], shown: readonly Observation[]): string {
  const chosen = <T>(values: readonly T[]) => values.filter((_, t) => t === 0 || (t + 1) % EVERY === 0);
  const frame = (data: Uint8Array): Frame => ({ width: bench.size, height: bench.size, data });
  const rows = [
    chosen(real).map((frames) => frame(frames.slice(-frameBytes(bench)))),
    chosen(shown).map((observation) => frame(newestFrame(observation))),
  ];
  return Buffer.from(encodePng(tile(rows, STRIP_SCALE))).toString("base64");
}

function frameBytes({ size }: Bench): number {
  return size * size * 3;
}

function tickOf(bench: Bench, episode: Recording, tick: number): Uint8Array {
  const [bytes, { stride }] = [frameBytes(bench), bench.subject.spec];
  return episode.frames.slice((1 + (tick - 1) * stride) * bytes, (1 + tick * stride) * bytes);
}

function repeated(bench: Bench, episode: Recording): Uint8Array {
  const [bytes, { stride }] = [frameBytes(bench), bench.subject.spec];
  const frames = new Uint8Array(stride * bytes);
  for (let i = 0; i < stride; i++) frames.set(episode.frames.subarray(0, bytes), i * bytes);
  return frames;
}
