// The networks of a world, asked for one session: its numbers in, its numbers out. They keep nothing of a session; what it was goes in as a
// value and comes out as another one. So what failed, or is not wanted, is dropped, and two sessions may go on from one value.
//
// Shapes: L tokens a tick, C latent channels, s stride, A action size, H W pixels, Q numbers of a state vector, E experts, K ticks of a chunk.
import type { Backend, Bindings, Data, Numbers, Precision, Program } from "./backend.js";
import { Batches, type Part, type Parts } from "./batches.js";
import { decodePlan } from "./model/decoder.js";
import { cleanPlan, controlPlan, denoisePlan } from "./model/dynamics.js";
import { appearancePlan, encodePlan } from "./model/encoder.js";
import { predictPlan } from "./model/predictor.js";
import { uncertaintyPlan } from "./model/uncertainty.js";
import { rollOutStates, type StateRollout } from "./state-rollout.js";
import { SlidingWindow } from "./window.js";
import { cameraOf, type WorldManifest } from "./world/schema.js";
import { controlSize, rotarySize, stateSize } from "./world/tensors.js";
import type { World } from "./world/world.js";

/** What moves a tick. */
export interface Move {
  /** Its action block, and the state before it, `[s A + Q]`. */
  readonly control: Float32Array;
  /** The state that this is predicted to lead to, `[Q]`. */
  readonly predicted: Float32Array;
  /** Logits of the experts, `[E]`: the largest is that of the one that is used. */
  readonly experts: Float32Array;
}

/** What the clean pass reads from a tick, as the network puts it out. */
export interface Heads {
  /** One a task that has a reward. */
  readonly reward: Float32Array;
  /** Logits, one a task that has a reward. */
  readonly success: Float32Array;
  /** `[Q]`, the state vector, normalised: proprioception, then what the world knows of things. */
  readonly state: Float32Array;
}

/** What is kept of one tick, by names. Nobody writes into it again. */
export type Page = Readonly<Record<string, Float32Array>>;

/** What a tick attends to: the ticks before it. A value: nobody writes into it. */
export interface Context {
  /** Ticks so far: the number of the next. */
  readonly ticks: number;
  /** By slot (window.ts): the first tick's (the sink), and those of a sliding window. */
  readonly pages: readonly Page[];
  /** What memory blocks made of all ticks, by names. */
  readonly recurrent: Readonly<Record<string, Float32Array>>;
}

/** What a tick's frames are encoded to, and decoded from. */
export interface Shown {
  /** `[L, C]`. */
  readonly latent: Float32Array;
  /** Of the last frame, `[Q]`, normalised. */
  readonly state: Float32Array;
}

/** What a decoder carries from tick to tick. A value: nobody writes into it. */
export interface DecoderState {
  /** The frame that the stream began with, `[H, W, 3]`. */
  readonly first: Uint8Array;
  /** What that looks like, where the world's streams have an appearance. */
  readonly appearance?: Float32Array;
  /** What memory blocks saw at the last tick that was decoded, by names. */
  readonly past: Readonly<Record<string, Float32Array>>;
  /** The newest ticks, oldest first: the last, and as many before it as its pictures take after. */
  readonly recent: readonly Drawn[];
  /** How many of them were not decoded: the newest. */
  readonly undecoded: number;
}

/** A tick as a decoder is told of it. */
interface Drawn extends Shown {
  /** The state before it, `[Q]`. */
  readonly before: Float32Array;
}

interface Programs {
  readonly control: Program;
  /** Of chunks of several ticks, where the world has such. */
  readonly denoise: Program | undefined;
  readonly clean: Program;
  readonly encode: Program;
  readonly decode: Program;
  readonly predict: Program;
  readonly appearance: Program | undefined;
  /** Where the world says how unlike the logs a tick is. */
  readonly uncertainty: Program | undefined;
}

/** Sessions that are decoded at a time: convolutions of one are as fast as those of many, and so the first need not wait for the last. */
const DECODED = 2;

export class Networks {
  /** The context of the first tick. */
  readonly empty: Context;
  readonly #window: SlidingWindow;
  readonly #batches = new Batches();

  private constructor(
    readonly manifest: WorldManifest,
    readonly programs: Programs,
    /** Names what their bits depend on besides the world. */
    readonly kind: string,
  ) {
    const { blocks, window } = manifest.dynamics;
    const memories = [...blocks].flatMap((kind, i) => (kind === "m" ? [`recurrent.${i}`] : []));
    const nothing = memories.map((name) => [name, new Float32Array(sizeOf(programs.clean, name))]);
    this.empty = { ticks: 0, pages: [], recurrent: Object.fromEntries(nothing) };
    this.#window = new SlidingWindow(window);
  }

  /** precision: of the denoiser, whose matrices are most of what there is; all else is fp32. */
  static async open(
    { manifest, dynamics, tokenizer, uncertainty }: World,
    backend: Backend,
    precision: Precision,
  ): Promise<Networks> {
    const compile = ({ plan, weights }: ReturnType<typeof controlPlan>, as: Precision = "fp32") =>
      backend.compile(plan, weights, as);
    const hasChunks = manifest.dynamics.chunk > 1;
    const hasAppearance = manifest.tokenizer.appearance > 0;
    const programs = {
      control: await compile(controlPlan(manifest, dynamics)),
      denoise: hasChunks ? await compile(denoisePlan(manifest, dynamics), precision) : undefined,
      clean: await compile(cleanPlan(manifest, dynamics), precision),
      encode: await compile(encodePlan(manifest, tokenizer)),
      decode: await compile(decodePlan(manifest, tokenizer)),
      predict: await compile(predictPlan(manifest, dynamics)),
      appearance: hasAppearance ? await compile(appearancePlan(manifest, tokenizer)) : undefined,
      uncertainty: uncertainty && (await compile(uncertaintyPlan(manifest, uncertainty))),
    };
    return new Networks(manifest, programs, `${backend.kind} ${precision}`);
  }

  /** What a tick's control, after that of the tick before, leads to, and whom it is for; both `[s A + Q]`. previous `[L, C]`: the latent before. */
  async move(control: Float32Array, before: Float32Array, previous: Float32Array): Promise<Move> {
    const [now, last] = [this.#control([control]), this.#control([before])];
    const inputs = {
      action: flat(now.action),
      state: flat(now.state),
      actionBefore: flat(last.action),
      stateBefore: flat(last.state),
      previous: this.#latent(previous),
    };
    const { predicted, experts } = await this.#batches.run(this.programs.control, inputs);
    return { control, predicted: floats(predicted), experts: floats(experts) };
  }

  /**
   * One evaluation of the denoiser (an NFE) for a chunk, whose ticks `moves` move: the end point X, `[K, L, C]`, of the flow through `z`
   * `[K, L, C]` at level t, looking ahead to level r, or at r = t the mean of where it may end; 1 is noise, 0 is clean. previous `[L, C]`: the
   * latent before the chunk; zeros before the first tick.
   */
  async denoise(
    context: Context,
    z: Float32Array,
    previous: Float32Array,
    moves: readonly Move[],
    t: number,
    r: number,
  ): Promise<Float32Array> {
    const expert = expertOf(moves[0] as Move);
    const inputs = this.#inputs(context, z, previous, moves, expert, [t, t - r]);
    const { clean, denoise } = this.programs;
    const program = moves.length === 1 ? clean : denoise;
    if (!program) throw new Error(`a chunk of ${moves.length} ticks, of a world without chunks`);
    const asked = { key: `${moves.length} ${expert}`, outputs: ["end"] };
    return floats((await this.#batches.run(program, inputs, asked)).end);
  }

  /** The clean pass over one tick, `z` `[L, C]`: reads the heads, and makes the context of the tick after it. */
  async read(
    context: Context,
    z: Float32Array,
    previous: Float32Array,
    move: Move,
  ): Promise<{ readonly heads: Heads; readonly context: Context }> {
    const expert = expertOf(move);
    const inputs = this.#inputs(context, z, previous, [move], expert, [0, 0]);
    const outputs = Object.keys(this.programs.clean.plan.outputs).filter((name) => name !== "end");
    const made = await this.#batches.run(this.programs.clean, inputs, { key: `${expert}`, outputs });
    const pages = [...context.pages];
    pages[this.#window.slot(context.ticks)] = named(made, "page.", "page.");
    const scores = floats(made.scores);
    const tasks = scores.length / 2;
    return {
      heads: { reward: scores.slice(0, tasks), success: scores.slice(tasks), state: floats(made.readState) },
      context: { ticks: context.ticks + 1, pages, recurrent: named(made, "next.", "") },
    };
  }

  /** How strange the latent `[L, C]` of a stream's first tick is, which `uncertainty` wants to know of all of its ticks; 0 where the world does not say. */
  async strangeness(latent: Float32Array): Promise<number> {
    const nothing = new Float32Array(controlSize(this.manifest));
    return (await this.#measured("strangeness", latent, nothing, 0)) ?? 0;
  }

  /**
   * In [0, 1], of a tick with this latent `[L, C]` and control `[s A + Q]`, in a stream whose `first` latent was so strange: the share of dreams of
   * held-out logs whose ticks were less unlike the logs. Undefined where the world does not say.
   */
  uncertainty(latent: Float32Array, control: Float32Array, first: number): Promise<number | undefined> {
    return this.#measured("uncertainty", latent, control, first);
  }

  async #measured(
    output: "strangeness" | "uncertainty",
    latent: Float32Array,
    control: Float32Array,
    first: number,
  ): Promise<number | undefined> {
    const { uncertainty } = this.programs;
    if (!uncertainty) return undefined;
    const inputs = { z: this.#latent(latent), control: row(control), beginning: row(Float32Array.of(first)) };
    return floats((await this.#batches.run(uncertainty, inputs, { outputs: [output] }))[output])[0];
  }

  /** One tick of frames, `[s, H, W, 3]` uint8. */
  async encode(frames: Uint8Array): Promise<Shown> {
    const { height, width } = cameraOf(this.manifest);
    const shape = [this.manifest.stride, height, width, 3];
    const { z, state } = await this.#batches.run(this.programs.encode, { frames: { shape, data: frames } });
    return { latent: floats(z), state: floats(state) };
  }

  /** Before the first tick of a stream, which begins with the frame `[H, W, 3]` uint8; it keeps a copy of that. */
  async begin(frame: Uint8Array): Promise<DecoderState> {
    const { appearance, decode } = this.programs;
    const first = Uint8Array.from(frame);
    const past = Object.fromEntries(
      decode.plan.carries.map(([name]) => [name, new Float32Array(sizeOf(decode, name))]),
    );
    const begun = { first, past, recent: [], undecoded: 0 };
    if (appearance === undefined) return begun;
    const seen = await this.#batches.run(appearance, { frame: this.#picture(first) });
    return { ...begun, appearance: floats(seen.appearance) };
  }

  /** A tick behind those that `from` knows of, which leads from the state `before`, `[Q]`, to its own; not decoded, until frames are wanted. */
  pass(from: DecoderState, shown: Shown, before: Float32Array): DecoderState {
    // What a memory block sees at a tick depends on that tick and what the blocks before it saw at the tick before: after as many ticks as
    // there are blocks nothing is left of what was.
    const most = 1 + this.programs.decode.plan.carries.length;
    const recent = [...from.recent, { ...shown, before }].slice(-most);
    return { ...from, recent, undecoded: Math.min(from.undecoded + 1, most) };
  }

  /** The frames `[s, H, W, 3]` uint8 of the newest tick that `from` knows of, and what is known after that. Bits as if all had been decoded. */
  async decode(from: DecoderState): Promise<{ readonly frames: Uint8Array; readonly next: DecoderState }> {
    let { past } = from;
    let frames = new Uint8Array();
    for (const drawn of from.recent.slice(-Math.max(1, from.undecoded))) {
      const made = await this.#decodeTick({ ...from, past }, drawn);
      frames = made.frames?.data as Uint8Array<ArrayBuffer>;
      past = named(made, "next.", "");
    }
    return { frames, next: { ...from, past, undecoded: 0 } };
  }

  #decodeTick({ first, appearance, past }: DecoderState, { latent, state, before }: Drawn): Promise<Bindings> {
    const { decode } = this.programs;
    const seen = Object.entries(past).map(([name, data]) => [name, { shape: shapeOf(decode, name), data }]);
    const inputs = {
      z: this.#latent(latent),
      before: row(before),
      now: row(state),
      first: this.#picture(first),
      ...(appearance && { appearance: row(appearance) }),
      ...Object.fromEntries(seen),
    };
    return this.#batches.run(decode, inputs, { most: DECODED });
  }

  /**
   * Where N sequences of `ticks` action blocks, `actions` `[N, T, s A]`, lead from `state` `[Q]`, to which `control` `[s A + Q]` led, in the state
   * alone: states `[N, T, Q]`, normalised, and scores `[N, T, 2 tasks]`, rewards and logits of success.
   */
  predict(
    state: Float32Array,
    control: Float32Array,
    actions: Float32Array,
    ticks: number,
    signal?: AbortSignal,
  ): Promise<StateRollout> {
    return rollOutStates(this.programs.predict, state, control, actions, ticks, signal);
  }

  #inputs(
    { ticks, pages, recurrent }: Context,
    z: Float32Array,
    previous: Float32Array,
    moves: readonly Move[],
    expert: number,
    levels: readonly [t: number, toR: number],
  ): Parts {
    const { blocks, window, tokens, latent, contextLevel } = this.manifest.dynamics;
    const K = moves.length;
    const slots = [...Array(window + 1).keys()];
    const inputs: Record<string, Part> = {
      z: { shape: [K, tokens, z.length / (K * tokens)], data: z },
      previous: this.#latent(previous),
      ...this.#control(moves.map(({ control }) => control)),
      predicted: { shape: [K, stateSize(this.manifest)], parts: moves.map(({ predicted }) => predicted) },
      levels: { shape: [1, 3], data: Float32Array.of(...levels, contextLevel) },
      expert: { shape: [1], data: Int32Array.of(expert) },
      ages: { shape: [window + 1], data: Int32Array.from(slots, (slot) => this.#window.age(slot, ticks) ?? 0) },
    };
    const page = [window + 1, tokens, latent + rotarySize(this.manifest.dynamics)];
    for (const [i, kind] of [...blocks].entries()) {
      const name = kind === "w" ? `pages.${i}` : `recurrent.${i}`;
      inputs[name] =
        kind === "w"
          ? { shape: page, parts: slots.map((slot) => pages[slot]?.[`page.${i}`]) }
          : { shape: shapeOf(this.programs.clean, name), data: recurrent[name] as Float32Array };
    }
    return inputs;
  }

  // Controls `[s A + Q]`, as the networks take them: actions and states, a row a tick.
  #control(controls: readonly Float32Array[]) {
    const Q = stateSize(this.manifest);
    const A = (controls[0] as Float32Array).length - Q;
    const [K, action, state] = [
      controls.length,
      controls.map((x) => x.subarray(0, A)),
      controls.map((x) => x.subarray(A)),
    ];
    return { action: { shape: [K, A], parts: action }, state: { shape: [K, Q], parts: state } };
  }

  #latent(data: Float32Array): Numbers {
    const { tokens } = this.manifest.dynamics;
    return { shape: [tokens, data.length / tokens], data };
  }

  #picture(data: Uint8Array): Numbers {
    const { height, width } = cameraOf(this.manifest);
    return { shape: [height, width, 3], data };
  }
}

/** Number of the expert that a tick goes to. */
export function expertOf({ experts }: Move): number {
  return experts.indexOf(Math.max(...experts));
}

// The shape of an input of one session.
function shapeOf({ plan }: Program, name: string): number[] {
  return (plan.inputs[name]?.shape ?? []).slice(1) as number[];
}

function sizeOf(program: Program, name: string): number {
  return shapeOf(program, name).reduce((product, count) => product * count, 1);
}

function floats(numbers: Numbers | undefined): Float32Array {
  return numbers?.data as Float32Array;
}

// What has a name that begins with `prefix`, with `as` in its place.
function named(made: Bindings, prefix: string, as: string): Record<string, Float32Array> {
  const entries = Object.entries(made).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(entries.map(([name, numbers]) => [as + name.slice(prefix.length), floats(numbers)]));
}

function row(data: Data): Numbers {
  return { shape: [data.length], data };
}

// Without the axis of ticks, of which there is one.
function flat({ shape, parts }: { readonly shape: readonly number[]; readonly parts: readonly Data[] }): Numbers {
  return { shape: shape.slice(1), data: parts[0] as Data };
}
