import type { Part } from "../domain.js";
import { average, CORRELATION, curve, curves, POSITIVE, point } from "../part.js";
import { bootstrap, frechet, PrincipalAxes } from "../statistics.js";
import { BUDGETS, type OpenLoop } from "../studies/open-loop.js";
import type { Metric } from "../verdict.js";

/** Of the Frechet distance, which is slow; and the axes that it is taken along. */
const RESAMPLES = 200;
const AXES = 24;

/** Do dreamed pictures look like the ones that the simulator shows under the same actions? */
export const fidelity: Part<{ openLoop: readonly OpenLoop[] }> = {
  studies: ["openLoop"],
  section: ({ openLoop }, counting) => {
    const { seed } = counting;
    const at = (tick: number, of: (s: OpenLoop) => readonly number[] | undefined) => (s: OpenLoop) => of(s)?.[tick - 1];
    const mean = (unit: string, of: (s: OpenLoop) => number | undefined) =>
      average(openLoop, unit, seed, of, unit === "" ? CORRELATION : unit === "dB" ? undefined : POSITIVE);
    const { apart, halves } = frechetDistances(openLoop, seed);
    const hasTokenizer = openLoop.some(({ tokenizer }) => tokenizer !== undefined);
    const hasBudgets = openLoop.some(({ budgets }) => budgets !== undefined);
    const hasChunks = openLoop.some(({ chunked }) => chunked !== undefined);
    const chunkLoss = (tick: number) => (s: OpenLoop) =>
      s.chunked && (s.psnr[tick - 1] as number) - (s.chunked.psnr[tick - 1] as number);
    return {
      title: "Fidelity",
      text:
        "Open-loop dreams of held-out episodes: each starts from the episode's first frame and proprioception, takes its " +
        "actions, and is compared with its frames. The gain is over showing the first frame for ever. The latent error is " +
        "the root mean square of the difference between the tokenizer's latents of dreamed and of real frames, over that of " +
        "the real ones. tokenizerPsnr: the real frames through the tokenizer and back, all ticks but the one that the stream begins " +
        "with, which a tokenizer may keep. psnrTick10Nfe: the same dreams with so many evaluations of the denoiser a " +
        "tick; oneNfeLoss: what one evaluation a tick loses against 50, dB at tick 10. " +
        "chunkLoss: what the same dream loses in chunks, its actions cut by what they do and the ticks of each piece denoised jointly, " +
        "with as many evaluations for all as else for one; ticksPerChunk is how long they are. The Frechet distance is between normal distributions of the features of the probe (which belongs " +
        "to reality, not to a world) along the 24 principal axes of the real ones; beside it, the distance between the real frames of even " +
        "and of odd episodes.",
      metrics: {
        ...(hasTokenizer && { tokenizerPsnr: mean("dB", (s) => s.tokenizer) }),
        openLoopPsnrGain: mean("dB", (s) => (s.psnr[9] as number) - (s.still[9] as number)),
        openLoopPsnrTick1: mean(
          "dB",
          at(1, (s) => s.psnr),
        ),
        openLoopPsnrTick10: mean(
          "dB",
          at(10, (s) => s.psnr),
        ),
        openLoopPsnrTick25: mean(
          "dB",
          at(25, (s) => s.psnr),
        ),
        ssimTick10: mean(
          "",
          at(10, (s) => s.ssim),
        ),
        ssimTick25: mean(
          "",
          at(25, (s) => s.ssim),
        ),
        ...(hasTokenizer && {
          latentErrorTick10: mean(
            "ratio",
            at(10, (s) => s.latent),
          ),
          latentErrorTick25: mean(
            "ratio",
            at(25, (s) => s.latent),
          ),
        }),
        ...(hasBudgets && {
          ...Object.fromEntries(BUDGETS.map((nfe, k) => [`psnrTick10Nfe${nfe}`, mean("dB", (s) => s.budgets?.[k])])),
          oneNfeLoss: mean("dB", (s) => s.budgets && (s.budgets.at(-1) as number) - (s.budgets[0] as number)),
        }),
        ...(hasChunks && {
          chunkLossTick10: mean("dB", chunkLoss(10)),
          chunkLossTick25: mean("dB", chunkLoss(25)),
          ticksPerChunk: mean("ticks", (s) => s.chunked && s.psnr.length / s.chunked.chunks),
        }),
        frechetDistance: apart,
        frechetBetweenHalves: halves,
      },
      reference: {},
      plots: [
        curves("Peak signal to noise ratio", "PSNR (dB)", {
          dream: curve(openLoop, counting, (s) => s.psnr),
          "first frame": curve(openLoop, counting, (s) => s.still),
        }),
        curves("Structural similarity", "SSIM", { dream: curve(openLoop, counting, (s) => s.ssim) }),
        ...(hasTokenizer
          ? [curves("Latent error", "error (ratio)", { dream: curve(openLoop, counting, (s) => s.latent) })]
          : []),
        ...(hasBudgets
          ? [
              {
                title: "Picture by evaluations a tick",
                x: "denoiser evaluations a tick",
                y: "PSNR at tick 10 (dB)",
                kind: "lines" as const,
                logarithmic: true,
                series: [
                  {
                    name: "dream",
                    points: BUDGETS.map((nfe, k) =>
                      point(
                        nfe,
                        mean("dB", (s) => s.budgets?.[k]),
                      ),
                    ),
                  },
                ],
              },
            ]
          : []),
      ],
      pictures: openLoop.flatMap(({ strip }, i) =>
        strip === undefined
          ? []
          : [{ title: `Episode ${i}: real above, dreamed below, a second apart`, png: bytes(strip) }],
      ),
    };
  },
};

// Dreamed and real frames are of the same episodes in each draw, as they are in the whole.
function frechetDistances(samples: readonly OpenLoop[], seed: number): { apart: Metric; halves: Metric } {
  const axes = new PrincipalAxes(
    samples.flatMap(({ featuresReal }) => featuresReal),
    AXES,
  );
  const reduced = samples.map(({ features, featuresReal }) => ({
    dreamed: axes.reduce(features),
    real: axes.reduce(featuresReal),
  }));
  type Reduced = (typeof reduced)[number];
  const real = (drawn: readonly Reduced[]) => drawn.flatMap((s) => s.real);
  const half = (odd: number) => real(reduced.filter((_, i) => i % 2 === odd));
  return {
    apart: bootstrap(
      reduced,
      "",
      seed,
      (drawn) =>
        frechet(
          drawn.flatMap((s) => s.dreamed),
          real(drawn),
        ),
      { resamples: RESAMPLES, within: POSITIVE, pushed: true },
    ),
    halves: { value: frechet(half(0), half(1)), unit: "", n: samples.length },
  };
}

/** What was base64. */
export function bytes(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, "base64"));
}
