// Open loop: a dream starts from the first frame of a held-out episode, takes the episode's actions, and is held against
// what the simulator showed. The same dream under another episode's actions says whether actions are obeyed.

import { byteTensor, floatTensor, type Observation, type StepResult } from "@worldstep/protocols";
import { heldOutSeed, newestFrame } from "@worldstep/sdk";
import { EPISODE_TICKS, type Episode, type Measured, recordEpisode, SCORED_TASKS } from "@worldstep/tabletop";
import { type Bench, scaled } from "../bench.js";
import { dream, dreamInChunks, uncertainties } from "../dream.js";
import { encodePng, type Frame, tile } from "../picture.js";
import { distance, mean, psnr, ssim } from "../statistics.js";
import type { Study } from "../study.js";

/** Ticks of a rollout. */
export const TICKS = EPISODE_TICKS;
/** The tick at which a rollout under other actions is compared. */
export const SWAP_TICK = 10;
/** Every so many ticks a frame's features are kept, and one is shown in the strip. */
const EVERY = 5;
const STRIPS = 4;
const STRIP_SCALE = 2;
const STRIDE = 4;
const CM = 100;

/** Curves are by tick, from 1 on. Distances in cm. */
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
  /** The same frames through the tokenizer, and the tip read from them: no dream can be read better. */
  readonly tipDecoded?: number;
  /** From where the probe sees the tip in the dream to where it really was; and the same read from the real frames. */
  readonly tip: readonly number[];
  readonly tipReal: readonly number[];
  readonly opening: readonly number[];
  readonly openingReal: readonly number[];
  /** At `SWAP_TICK` under another episode's actions. */
  readonly tipSwapped: number;
  readonly tipSwappedReal: number;
  /** Ten ticks after the first contact: how far the cube that was touched is off; absent without a contact. */
  readonly object?: number;
  readonly objectReal?: number;
  /** Features of dreamed and real frames at every fifth tick. */
  readonly features: readonly (readonly number[])[];
  readonly featuresReal: readonly (readonly number[])[];
  /** By task, by tick. */
  readonly rewards: readonly (readonly number[])[];
  readonly rewardsReal: readonly (readonly number[])[];
  readonly success: readonly (readonly number[])[];
  readonly successReal: readonly (readonly boolean[])[];
  /** What the world itself reads from the first frame, where it is not told; absent where it takes no frames. */
  readonly reading?: number;
  /** By tick; absent where the world does not say. */
  readonly uncertainty?: readonly number[];
  /** PNG, base64: real above dreamed. */
  readonly strip?: string;
}

export const openLoop: Study<OpenLoop> = {
  count: async ({ settings }) => settings.rollouts ?? scaled(64, settings),
  ticks: () => 7 * TICKS,
  run: async (bench, i) => {
    const seed = heldOutSeed(bench.settings.seed, i);
    const others = (await recordEpisode(bench.reality, heldOutSeed(bench.settings.seed, i + 1))).actions;
    const episode = await recordEpisode(bench.filmed, seed);
    const real = Array.from({ length: TICKS }, (_, t) => tickOf(bench, episode, t + 1));
    const first = beginning(bench, episode);
    const steps = await dream(bench, seed, first, episode.actions, TICKS);
    const swapped = await dream(bench, seed, first, others, SWAP_TICK);
    const shown = steps.map(({ observation }) => observation);
    const measured = await measureAll(bench, shown.map(newestFrame));
    const truths = await measureAll(
      bench,
      real.map((frames) => frames.slice(-frameBytes(bench))),
    );
    const still = repeated(bench, episode);
    const sure = uncertainties(steps);
    const tipAt = (found: Measured, t: number) => distance(positionOf(found), poseAt(episode, t)) * CM;
    const openingAt = ({ tip }: Measured, t: number) => Math.abs(tip.opening - (poseAt(episode, t)[4] as number)) * CM;
    const last = (
      await measureAll(
        bench,
        swapped.slice(-1).map(({ observation }) => newestFrame(observation)),
      )
    )[0];
    return {
      psnr: shown.map(({ frames }, t) => psnr(frames.data, real[t] as Uint8Array)),
      ssim: shown.map((o, t) => ssim(newestFrame(o), (real[t] as Uint8Array).slice(-frameBytes(bench)), bench.size)),
      still: real.map((frames) => psnr(still, frames)),
      ...(await atBudgets(bench, episode, seed, real)),
      ...(await inChunks(bench, seed, first, episode, real)),
      ...(await throughTokenizer(bench, episode, [still, ...real], shown)),
      tip: measured.map((found, t) => tipAt(found, t + 1)),
      tipReal: truths.map((found, t) => tipAt(found, t + 1)),
      opening: measured.map((found, t) => openingAt(found, t + 1)),
      openingReal: truths.map((found, t) => openingAt(found, t + 1)),
      tipSwapped: tipAt(last as Measured, SWAP_TICK),
      tipSwappedReal: tipAt(await bench.probe.measure(await swappedReality(bench, seed, others)), SWAP_TICK),
      ...afterContact(episode, measured, truths),
      features: sparse(measured),
      featuresReal: sparse(truths),
      ...scores(episode, steps),
      ...(await ownState(bench, episode, seed)),
      ...(sure && { uncertainty: sure }),
      ...(i < STRIPS && { strip: strip(bench, real, shown) }),
    };
  },
};

async function inChunks(
  bench: Bench,
  seed: number,
  first: Observation,
  { actions }: Episode,
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

async function atBudgets(bench: Bench, episode: Episode, seed: number, real: readonly Uint8Array[]) {
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
async function swappedReality(bench: Bench, seed: number, actions: Float32Array): Promise<Uint8Array> {
  let { observation } = await bench.reality.reset({ seed, task: "play", maxTicks: 0 });
  const size = actions.length / EPISODE_TICKS;
  for (let t = 0; t < SWAP_TICK; t++) {
    ({ observation } = await bench.reality.step(actions.slice(t * size, (t + 1) * size)));
  }
  return newestFrame(observation);
}

function beginning(bench: Bench, episode: Episode): Observation {
  const pose = episode.proprioception.slice(0, bench.subject.spec.proprioception.length);
  const frames = byteTensor(repeated(bench, episode), [STRIDE, bench.size, bench.size, 3]);
  return { frames, proprioception: floatTensor(pose, [pose.length]) };
}

// Where the subject has a tokenizer: what it does to real frames, and how far apart the latents are.
async function throughTokenizer(bench: Bench, episode: Episode, real: Uint8Array[], shown: readonly Observation[]) {
  const { tokenizer } = bench.subject;
  if (tokenizer === undefined) return {};
  const remade = await tokenizer.reconstruct(real);
  const latent: number[] = [];
  for (const [t, { frames }] of shown.entries()) {
    const [dreamed, truth] = [await tokenizer.encode(frames.data), await tokenizer.encode(real[t + 1] as Uint8Array)];
    latent.push(distance(dreamed, truth) / distance(truth, new Float32Array(truth.length)));
  }
  const decoded = await bench.probe.measure((remade[SWAP_TICK] as Uint8Array).slice(-frameBytes(bench)));
  return {
    latent,
    // Not of the first tick: a tokenizer may keep the picture that its stream began with.
    tokenizer: mean(real.slice(1).map((frames, t) => psnr(frames, remade[t + 1] as Uint8Array))),
    tipDecoded: distance(positionOf(decoded), poseAt(episode, SWAP_TICK)) * CM,
  };
}

async function ownState(bench: Bench, episode: Episode, seed: number) {
  if (!bench.env.spec.acceptsFrames) return {};
  const frames = byteTensor(episode.frames.slice(0, frameBytes(bench)), [1, bench.size, bench.size, 3]);
  const { observation } = await bench.env.reset({ seed, frames });
  const read = observation.proprioception.data.subarray(0, 3);
  return { reading: distance(read, episode.proprioception.subarray(0, 3)) * CM };
}

/** How far a cube has to move for a contact, m; and how many ticks later it is looked at. */
const CONTACT = 0.01;
const LATER = 10;

function afterContact(episode: Episode, measured: readonly Measured[], truths: readonly Measured[]) {
  for (let t = 1; t + LATER <= TICKS; t++) {
    const cube = [0, 1, 2].find((c) => distance(cubeAt(episode, t, c), cubeAt(episode, 0, c)) > CONTACT);
    if (cube === undefined) continue;
    const off = (found: Measured | undefined) =>
      distance(seen(found as Measured, cube), cubeAt(episode, t + LATER, cube)) * CM;
    return { object: off(measured[t + LATER - 1]), objectReal: off(truths[t + LATER - 1]) };
  }
  return {};
}

function scores(episode: Episode, steps: readonly StepResult[]) {
  const told = (key: "rewards" | "successProbabilities") =>
    SCORED_TASKS.map((task) => steps.map(({ info }) => (info[key] as Record<string, number>)[task] ?? Number.NaN));
  const real = <T>(at: (index: number) => T) =>
    SCORED_TASKS.map((_, k) => steps.map((_, t) => at(t * SCORED_TASKS.length + k)));
  return {
    rewards: told("rewards"),
    success: told("successProbabilities"),
    rewardsReal: real((at) => episode.rewards[at] as number),
    successReal: real((at) => episode.success[at] === 1),
  };
}

async function measureAll(bench: Bench, frames: readonly Uint8Array[]): Promise<Measured[]> {
  const measured: Measured[] = [];
  for (const frame of frames) measured.push(await bench.probe.measure(frame.slice()));
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

function tickOf(bench: Bench, episode: Episode, tick: number): Uint8Array {
  const bytes = frameBytes(bench);
  return episode.frames.slice((1 + (tick - 1) * STRIDE) * bytes, (1 + tick * STRIDE) * bytes);
}

function repeated(bench: Bench, episode: Episode): Uint8Array {
  const bytes = frameBytes(bench);
  const frames = new Uint8Array(STRIDE * bytes);
  for (let i = 0; i < STRIDE; i++) frames.set(episode.frames.subarray(0, bytes), i * bytes);
  return frames;
}

function poseAt({ proprioception }: Episode, tick: number): Float32Array {
  return proprioception.subarray(5 * STRIDE * tick, 5 * STRIDE * tick + 5);
}

function positionOf({ tip }: Measured): number[] {
  return [tip.x, tip.y, tip.z];
}

function cubeAt({ objects }: Episode, tick: number, cube: number): Float32Array {
  const at = 7 * (3 * STRIDE * tick + cube);
  return objects.subarray(at, at + 3);
}

function seen({ cubes }: Measured, cube: number): Float64Array {
  return cubes.subarray(7 * cube, 7 * cube + 3);
}
