// How unlike the logs a tick is: training/uncertainty.py.
//
// Shapes: L tokens a tick, C latent channels, R numbers of a control.
import type { Weights } from "./world/world.js";

/** Distances of Mahalanobis from what the logs show, and what share of held-out ticks is nearer. */
export class Uncertainty {
  readonly #control: Space;
  readonly #latent: Space;
  readonly #scale: Float32Array;
  readonly #levels: Float32Array;

  constructor(weights: Weights) {
    const read = (name: string): Float32Array => {
      const weight = weights.get(name);
      if (!weight) throw new Error(`no tensor "${name}": the list in world/tensors.ts lacks it`);
      return weight.data;
    };
    this.#control = { mean: read("control_mean"), axes: read("control_axes") };
    this.#latent = { mean: read("latent_mean"), axes: read("latent_axes") };
    [this.#scale, this.#levels] = [read("scale"), read("levels")];
  }

  /** How strange the latent `[L, C]` is: of a stream's first, `of` wants it. */
  strangeness(latent: Float32Array): number {
    return logMeanSquare(latent, this.#latent);
  }

  /** In [0, 1], of a tick with this latent `[L, C]` and control `[R]`, in a stream whose `first` latent was so strange. */
  of(latent: Float32Array, control: Float32Array, first: number): number {
    const distances = [this.strangeness(latent), logMeanSquare(control, this.#control), first];
    const strange = Math.max(
      ...distances.map((x, i) => (x - (this.#scale[2 * i] as number)) / (this.#scale[2 * i + 1] as number)),
    );
    const levels = this.#levels;
    const last = levels.length - 1;
    const found = levels.findIndex((level) => level >= strange);
    const above = Math.min(last, Math.max(1, found < 0 ? last : found));
    const [low, high] = [levels[above - 1] as number, levels[above] as number];
    return Math.min(1, Math.max(0, (above - 1 + (strange - low) / (high - low)) / last));
  }
}

interface Space {
  readonly mean: Float32Array;
  /** `[d, d]`: a column an axis, along which the logs have unit variance. */
  readonly axes: Float32Array;
}

// Of `x` `[n, d]` along the axes.
function logMeanSquare(x: Float32Array, { mean, axes }: Space): number {
  const d = Math.sqrt(axes.length);
  let total = 0;
  for (let from = 0; from < x.length; from += d) {
    for (let j = 0; j < d; j++) {
      let along = 0;
      for (let i = 0; i < d; i++) {
        along += ((x[from + i] as number) - (mean[from + i] as number)) * (axes[i * d + j] as number);
      }
      total += along * along;
    }
  }
  return Math.log(total / x.length);
}
