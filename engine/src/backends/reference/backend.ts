// The backend that says what is right: a world's plans in plain loops and float64. Far too slow to play with.

import type { Plan } from "@worldstep/kernels";
import { type Dense, interpret } from "@worldstep/kernels/reference";
import type {
  Backend,
  ChunkInput,
  Context,
  DecoderState,
  Dynamics,
  Heads,
  Page,
  Shown,
  Tokenizer,
} from "../../backend.js";
import { decodePlan } from "../../model/decoder.js";
import { cleanPlan, denoisePlan, predictPlan, routePlan } from "../../model/dynamics.js";
import { appearancePlan, encodePlan } from "../../model/encoder.js";
import type { Weights } from "../../model/recorder.js";
import { SlidingWindow } from "../../window.js";
import type { World } from "../../world.js";
import { cameraOf } from "../../world-schema.js";
import { rotarySize, stateSize } from "../../world-tensors.js";

interface Recorded {
  readonly plan: Plan;
  readonly weights: Weights;
}

type Inputs = Readonly<Record<string, { readonly shape: readonly number[]; readonly data: ArrayLike<number> }>>;

export function createReferenceBackend(world: World): Backend {
  return {
    dynamics: new ReferenceDynamics(world),
    tokenizer: new ReferenceTokenizer(world),
    close: async () => undefined,
  };
}

class ReferenceDynamics implements Dynamics {
  readonly empty: Context;
  readonly #window: SlidingWindow;

  constructor(readonly world: World) {
    const { blocks, heads, width, window } = world.manifest.dynamics;
    const size = width / heads;
    const memories = [...blocks].flatMap((kind, i) => (kind === "m" ? [`recurrent.${i}`] : []));
    const recurrent = Object.fromEntries(memories.map((name) => [name, new Float32Array(heads * size * size)]));
    this.empty = { ticks: 0, pages: [], recurrent };
    this.#window = new SlidingWindow(window);
  }

  async predict(control: Float32Array, before: Float32Array): Promise<Float32Array> {
    const [now, last] = [this.#control(control, 1), this.#control(before, 1)];
    const inputs = { ...flat(now), actionBefore: flat(last).action, stateBefore: flat(last).state };
    return single(run(predictPlan(this.world.manifest, this.world.dynamics), inputs as Inputs).predicted);
  }

  async denoise(context: Context, z: Float32Array, input: ChunkInput, t: number, r: number): Promise<Float32Array> {
    const { manifest, dynamics } = this.world;
    return single(run(denoisePlan(manifest, dynamics), this.#inputs(context, z, input, t, r, this.#route(input))).end);
  }

  async read(context: Context, z: Float32Array, input: ChunkInput): Promise<{ heads: Heads; context: Context }> {
    const { manifest, dynamics } = this.world;
    const experts = this.#route(input);
    const made = run(cleanPlan(manifest, dynamics), this.#inputs(context, z, input, 0, 0, experts));
    const named = (prefix: string, as: string) =>
      Object.fromEntries(
        Object.entries(made).flatMap(([name, value]) =>
          name.startsWith(prefix) ? [[as + name.slice(prefix.length), single(value)] as const] : [],
        ),
      );
    const pages = [...context.pages];
    pages[this.#window.slot(context.ticks)] = named("page.", "pages.");
    const scores = single(made.scores);
    const tasks = scores.length / 2;
    return {
      heads: {
        reward: scores.slice(0, tasks),
        success: scores.slice(tasks),
        state: single(made.readState),
        experts,
      },
      context: { ticks: context.ticks + 1, pages, recurrent: named("next.", "") },
    };
  }

  // The experts' logits, of a chunk's first tick.
  #route({ previous, controls, predicted: all }: ChunkInput): Float32Array {
    const { manifest, dynamics } = this.world;
    const Q = stateSize(manifest);
    const { action, state } = flat(this.#control(controls, all.length / Q, 1));
    const predicted = { shape: [1, Q], data: all.subarray(0, Q) };
    const { tokens } = manifest.dynamics;
    const before = { shape: [1, tokens, previous.length / tokens], data: previous };
    return single(run(routePlan(manifest, dynamics), { action, state, predicted, previous: before } as Inputs).experts);
  }

  #inputs(
    { ticks, pages, recurrent }: Context,
    z: Float32Array,
    { previous, controls, predicted }: ChunkInput,
    t: number,
    r: number,
    experts: Float32Array,
  ): Inputs {
    const { blocks, heads, width, window, tokens, latent, contextLevel } = this.world.manifest.dynamics;
    const T = z.length / previous.length;
    const size = width / heads;
    const C = previous.length / tokens;
    const inputs: Record<string, Inputs[string]> = {
      z: { shape: [1, T, tokens, C], data: z },
      previous: { shape: [1, tokens, C], data: previous },
      ...this.#control(controls, T),
      predicted: { shape: [1, T, predicted.length / T], data: predicted },
      levels: { shape: [1, 1, 3], data: [t, t - r, contextLevel] },
      expert: { shape: [1], data: [experts.indexOf(Math.max(...experts))] },
      ages: { shape: [1, window + 1], data: this.#ages(ticks) },
    };
    for (const [i, kind] of [...blocks].entries()) {
      const name = kind === "w" ? `pages.${i}` : `recurrent.${i}`;
      const shape =
        kind === "w"
          ? [1, window + 1, tokens, latent + rotarySize(this.world.manifest.dynamics)]
          : [1, heads, size, size];
      inputs[name] = { shape, data: kind === "w" ? this.#kept(pages, name, shape) : (recurrent[name] as Float32Array) };
    }
    return inputs;
  }

  #ages(ticks: number): number[] {
    return Array.from({ length: this.#window.size + 1 }, (_, slot) => this.#window.age(slot, ticks) ?? 0);
  }

  #kept(pages: readonly Page[], name: string, shape: readonly number[]): Float32Array {
    const size = shape.slice(2).reduce((product, count) => product * count, 1);
    const all = new Float32Array(shape.reduce((product, count) => product * count, 1));
    for (const [slot, page] of pages.entries()) all.set(page[name] as Float32Array, slot * size);
    return all;
  }

  // The parts of the first `ticks` of T controls: actions and the states before them, [1, ticks, ..].
  #control(controls: Float32Array, T: number, ticks = T) {
    const [Q, size] = [stateSize(this.world.manifest), controls.length / T];
    const part = (from: number, to: number) => ({
      shape: [1, ticks, to - from],
      data: Array.from({ length: ticks }, (_, k) => [...controls.subarray(k * size + from, k * size + to)]).flat(),
    });
    return { action: part(0, size - Q), state: part(size - Q, size) };
  }
}

class ReferenceTokenizer implements Tokenizer {
  constructor(readonly world: World) {}

  async encode(frames: Uint8Array): Promise<Shown> {
    const { manifest, tokenizer } = this.world;
    const { height, width } = cameraOf(manifest);
    const shape = [1, manifest.stride, height, width, 3];
    const { z, state } = run(encodePlan(manifest, tokenizer), { frames: { shape, data: frames } });
    return { latent: single(z), state: single(state) };
  }

  async begin(frame: Uint8Array): Promise<DecoderState> {
    const { manifest, tokenizer } = this.world;
    const { height, width } = cameraOf(manifest);
    const [, b, c] = manifest.tokenizer.widths;
    const past = {
      memory8: new Float32Array((height / 8) * (width / 8) * c),
      memory4: new Float32Array((height / 4) * (width / 4) * b),
    };
    const first = Uint8Array.from(frame);
    if (manifest.tokenizer.appearance === 0) return { first, past };
    const input = { frame: { shape: [1, height, width, 3], data: first } };
    return { first, past, appearance: single(run(appearancePlan(manifest, tokenizer), input).appearance) };
  }

  async decode({ first, past, appearance }: DecoderState, { latent, state }: Shown, before: Float32Array) {
    const { manifest, tokenizer } = this.world;
    const { height, width } = cameraOf(manifest);
    const [, b, c] = manifest.tokenizer.widths;
    const { tokens } = manifest.dynamics;
    const row = (data: Float32Array) => ({ shape: [1, data.length], data });
    const made = run(decodePlan(manifest, tokenizer), {
      z: { shape: [1, tokens, latent.length / tokens], data: latent },
      before: row(before),
      now: row(state),
      first: { shape: [1, height, width, 3], data: first },
      ...(appearance && { appearance: row(appearance) }),
      memory8: { shape: [1, height / 8, width / 8, c], data: past.memory8 as Float32Array },
      memory4: { shape: [1, height / 4, width / 4, b], data: past.memory4 as Float32Array },
    });
    const kept = { memory8: single(made["next.memory8"]), memory4: single(made["next.memory4"]) };
    const frames = Uint8Array.from(made.frames?.data ?? []);
    return { frames, next: { first, past: kept, ...(appearance && { appearance }) } };
  }
}

function run({ plan, weights }: Recorded, inputs: Inputs): Record<string, Dense> {
  return interpret(plan, inputs, (name) => {
    const weight = weights.get(name);
    if (!weight) throw new Error(`no weight "${name}"`);
    return weight;
  });
}

function single(made: Dense | undefined): Float32Array {
  return Float32Array.from(made?.data ?? []);
}

// Without the axis of ticks, of which there is one.
function flat<Name extends string>(inputs: Readonly<Record<Name, Inputs[string]>>): Record<Name, Inputs[string]> {
  const entries = Object.entries<Inputs[string]>(inputs).map(([name, { shape, data }]) => {
    return [name, { shape: shape.filter((_, axis) => axis !== 1), data }] as const;
  });
  return Object.fromEntries(entries) as unknown as Record<Name, Inputs[string]>;
}
