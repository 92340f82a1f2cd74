// Open-loop judging: a dream starts from the first frame of a held-out episode, takes the episode's actions, and is held
// against what the simulator showed. The same dream under another episode's actions says whether actions are obeyed.
import type { OpenWorld, Probe } from "@worldstep/engine";
import { type ByteTensor, byteTensor, type Env, floatTensor } from "@worldstep/protocols";
import { createSimulator, type Episode, heldOutSeed, recordEpisode, SCORED_TASKS } from "@worldstep/simulator";
import { auc, bootstrap, distance, mean, psnr, type Scored } from "./eval-statistics.js";
import type { Metrics } from "./metrics.js";
import type { Progress } from "./progress.js";

/** Ticks of a rollout; metrics are read at some of them. */
const TICKS = 25;
const AT = 10;
const CM = 100;

export interface EvalOptions {
  readonly seed: number;
  readonly rollouts: number;
  /** NFE a tick; undefined for the world's default. */
  readonly nfe: number | undefined;
}

/** What one rollout showed. Errors of the end effector in cm, at ticks 1 .. TICKS. */
interface Sample {
  readonly tokenizer: number;
  readonly dream: readonly number[];
  readonly still: readonly number[];
  readonly tip: readonly number[];
  readonly swapped: number;
  /** The probe's own error, on the real frame at tick AT. */
  readonly ruler: number;
  /** The same on the frame that went through the tokenizer: no dream can be read better. */
  readonly decoded: number;
  /** Error of what the world itself reads from the first frame, where it is not told; cm. */
  readonly reading: number;
  readonly rewards: ReadonlyMap<string, readonly Scored[]>;
}

export async function evalRollouts(world: OpenWorld, options: EvalOptions, progress: Progress): Promise<Metrics> {
  const { stride } = world.spec;
  const simulator = await createSimulator({ size: world.world.frame.height, varied: true });
  const [env, probe] = [await world.open(), await world.probe()];
  const { rollouts, seed } = options;
  const judge = new Judge(world, env, probe, stride, options.nfe);
  const samples: Sample[] = [];
  let episode = await recordEpisode(simulator, heldOutSeed(seed, 0));
  const first = episode;
  for (let i = 0; i < rollouts; i++) {
    const next = i + 1 < rollouts ? await recordEpisode(simulator, heldOutSeed(seed, i + 1)) : first;
    samples.push(await judge.sample(episode, next.actions, heldOutSeed(seed, i)));
    episode = next;
    progress.update(i + 1, rollouts);
  }
  await Promise.all([env.close(), probe.close(), simulator.close()]);

  const averaged = (unit: string, of: (sample: Sample) => number) =>
    bootstrap(samples, unit, seed, (drawn) => mean(drawn.map(of)));
  const at = (values: readonly number[], tick: number) => values[tick - 1] as number;
  return {
    tokenizerPsnr: averaged("dB", (s) => s.tokenizer),
    openLoopPsnrGain: averaged("dB", (s) => at(s.dream, AT) - at(s.still, AT)),
    openLoopPsnrTick1: averaged("dB", (s) => at(s.dream, 1)),
    openLoopPsnrTick10: averaged("dB", (s) => at(s.dream, AT)),
    openLoopPsnrTick25: averaged("dB", (s) => at(s.dream, TICKS)),
    endEffectorError: averaged("cm", (s) => at(s.tip, AT)),
    endEffectorErrorTick25: averaged("cm", (s) => at(s.tip, TICKS)),
    probeError: averaged("cm", (s) => s.ruler),
    probeErrorDecoded: averaged("cm", (s) => s.decoded),
    startReadingError: averaged("cm", (s) => s.reading),
    swapRatio: bootstrap(
      samples,
      "ratio",
      seed,
      (drawn) => mean(drawn.map((s) => s.swapped)) / mean(drawn.map((s) => at(s.tip, AT))),
    ),
    rewardAuc: bootstrap(samples, "area", seed, (drawn) => {
      const areas = SCORED_TASKS.map((task) => auc(drawn.flatMap((s) => s.rewards.get(task) ?? [])));
      return mean(areas.filter((area) => !Number.isNaN(area)));
    }),
  };
}

class Judge {
  constructor(
    readonly world: OpenWorld,
    readonly env: Env,
    readonly probe: Probe,
    readonly stride: number,
    readonly nfe: number | undefined,
  ) {}

  async sample(episode: Episode, others: Float32Array, seed: number): Promise<Sample> {
    const rewards = new Map<string, Scored[]>(SCORED_TASKS.map((task) => [task, []]));
    const [dream, still, tip]: number[][] = [[], [], []];
    const first = this.#frames(episode, 0, 1);
    const repeated = new Uint8Array(first.length * this.stride);
    for (let i = 0; i < this.stride; i++) repeated.set(first, i * first.length);
    for await (const { tick, frames, info } of this.#dream(episode, episode.actions, seed, TICKS)) {
      const real = this.#frames(episode, 1 + (tick - 1) * this.stride, this.stride);
      dream?.push(psnr(frames, real));
      still?.push(psnr(repeated, real));
      tip?.push(await this.#tipError(frames.subarray(-first.length), episode, tick));
      const scores = info.rewards as Record<string, number>;
      for (const [i, task] of SCORED_TASKS.entries()) {
        const positive = episode.success[(tick - 1) * SCORED_TASKS.length + i] === 1;
        rewards.get(task)?.push({ score: scores[task] as number, positive });
      }
    }
    let swapped = Number.NaN;
    for await (const { tick, frames } of this.#dream(episode, others, seed, AT)) {
      if (tick === AT) swapped = await this.#tipError(frames.subarray(-first.length), episode, AT);
    }
    const real: Uint8Array[] = [repeated];
    for (let tick = 1; tick <= TICKS; tick++) {
      real.push(this.#frames(episode, 1 + (tick - 1) * this.stride, this.stride));
    }
    const remade = await this.world.reconstruct(real);
    const tokenizer = mean(real.map((frames, i) => psnr(frames, remade[i] as Uint8Array)));
    const decoded = await this.#tipError((remade[AT] as Uint8Array).subarray(-first.length), episode, AT);
    const ruler = await this.#tipError(this.#frames(episode, AT * this.stride, 1), episode, AT);
    const reading = await this.#readingError(episode, seed);
    return {
      tokenizer,
      dream: dream ?? [],
      still: still ?? [],
      tip: tip ?? [],
      swapped,
      ruler,
      decoded,
      reading,
      rewards,
    };
  }

  async *#dream(episode: Episode, actions: Float32Array, seed: number, ticks: number) {
    const pose = episode.proprioception.slice(0, this.world.spec.proprioception.length);
    const proprioception = floatTensor(pose, [pose.length]);
    await this.env.reset({ seed, frames: this.#firstFrame(episode), proprioception });
    const size = actions.length / (episode.success.length / SCORED_TASKS.length);
    for (let tick = 1; tick <= ticks; tick++) {
      const block = actions.slice((tick - 1) * size, tick * size);
      const { observation, info } = await this.env.step(block, this.nfe === undefined ? {} : { nfe: this.nfe });
      yield { tick, frames: observation.frames.data, info };
    }
  }

  async #readingError(episode: Episode, seed: number): Promise<number> {
    const { observation } = await this.env.reset({ seed, frames: this.#firstFrame(episode) });
    return distance(observation.proprioception.data.subarray(0, 3), episode.proprioception.subarray(0, 3)) * CM;
  }

  #firstFrame(episode: Episode): ByteTensor {
    const { height, width } = this.world.world.frame;
    return byteTensor(this.#frames(episode, 0, 1), [1, height, width, 3]);
  }

  #frames(episode: Episode, from: number, count: number): Uint8Array {
    const { height, width } = this.world.world.frame;
    const bytes = height * width * 3;
    return episode.frames.slice(from * bytes, (from + count) * bytes);
  }

  // How far the tip that the probe sees in `frame` is from where it was at the end of `tick`, cm.
  async #tipError(frame: Uint8Array, episode: Episode, tick: number): Promise<number> {
    const pose = episode.proprioception.subarray(tick * this.stride * 5, tick * this.stride * 5 + 3);
    return distance((await this.probe.read(frame.slice())).state.subarray(0, 3), pose) * CM;
  }
}
