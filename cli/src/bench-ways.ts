// The ways to step a world that `worldstep bench ladder` compares: in PyTorch, alone in this process, and many sessions at a time.
import type { OpenWorld } from "@worldstep/engine";
import { byteTensor, type Env, elementCount, floatTensor, fork, type StepOptions } from "@worldstep/protocols";
import type { Torch } from "./bench-torch.js";

/** The tick whose frames are compared: that of `psnrTick10` of the judge. */
export const HORIZON = 10;
/** Sessions of a batch. */
export const MANY = 64;

/** A held-out episode of reality. */
export interface Episode {
  readonly seed: number;
  /** `[H, W, 3]` uint8. */
  readonly frame: Uint8Array;
  readonly proprioception: Float32Array;
  /** Of the first `HORIZON` ticks. */
  readonly actions: readonly Float32Array[];
  /** Of the last of them, `[s, H, W, 3]`. */
  readonly real: Uint8Array;
}

/** A way to step a world: a rung. */
export interface Way {
  readonly name: string;
  /** Whether it computes what the rung before does, in another way. */
  readonly isSame: boolean;
  /** Milliseconds a tick. */
  time(): Promise<number>;
  /** Frames of the tick `HORIZON` of each episode. */
  dream(episodes: readonly Episode[]): Promise<Uint8Array[]>;
}

/** Those of PyTorch, the first of them in `most` evaluations a tick. */
export function torchWays(torch: Torch, most: number): Way[] {
  const rung = (name: string, isSame: boolean, kept: boolean, nfe: number, ticks: number): Way => ({
    name,
    isSame,
    time: async () => Number(await torch.ask(JSON.stringify({ kept, nfe, time: ticks }))),
    dream: async (episodes) => {
      const told = episodes.map(({ seed, frame, proprioception, actions }) => ({
        seed,
        frame: Buffer.from(frame).toString("base64"),
        proprioception: [...proprioception],
        actions: actions.map((block) => [...block]),
      }));
      const answer = await torch.ask(JSON.stringify({ kept, nfe, episodes: told }));
      const frames = new Uint8Array(Buffer.from(answer, "base64"));
      const size = frames.length / episodes.length;
      return episodes.map((_, i) => frames.subarray(i * size, (i + 1) * size));
    },
  });
  return [
    rung(`${torch.version}, ${most} evaluations, all ticks again for each`, false, false, most, 1),
    rung("K/V cache and carries", true, true, most, 3),
    rung("one evaluation", false, true, 1, 40),
  ];
}

/** One session, with pixels. */
export async function alone(name: string, isSame: boolean, world: OpenWorld, ticks: number): Promise<Way> {
  const env = await aged(world, ticks);
  return {
    name,
    isSame,
    time: () => msPerTick([env], 40),
    dream: async (episodes) => {
      const shown: Uint8Array[] = [];
      for (const episode of episodes) shown.push(await dreamed(world, episode));
      return shown;
    },
  };
}

/** Many sessions at once, each of which goes on as soon as it has its result. */
export async function together(name: string, world: OpenWorld, ticks: number, options: StepOptions = {}): Promise<Way> {
  const first = await aged(world, ticks);
  const envs = await Promise.all(Array.from({ length: MANY }, (_, seed) => fork(first, { seed })));
  return {
    name,
    isSame: true,
    time: () => msPerTick(envs, 4, options),
    dream: (episodes) => Promise.all(episodes.map((episode) => dreamed(world, episode, options))),
  };
}

async function aged(world: OpenWorld, ticks: number): Promise<Env> {
  const env = await world.open();
  await env.reset({ seed: 1, maxTicks: 0 });
  await msPerTick([env], ticks);
  return env;
}

async function msPerTick(envs: readonly Env[], ticks: number, options: StepOptions = {}): Promise<number> {
  const before = performance.now();
  await Promise.all(
    envs.map(async (env, e) => {
      const size = elementCount(env.spec.actionSpace.shape);
      for (let tick = 0; tick < ticks; tick++) {
        const action = Float32Array.from({ length: size }, (_, i) =>
          Math.sin((Math.PI * (tick + e) * ((i % 5) + 1)) / 32),
        );
        await env.step(action, { ...options, nfe: 1 });
      }
    }),
  );
  return (performance.now() - before) / (ticks * envs.length);
}

/** The frames of the tick `HORIZON`. Those of the ticks before as `options` say; whoever asked for none asks for these. */
async function dreamed(world: OpenWorld, episode: Episode, options: StepOptions = {}): Promise<Uint8Array> {
  const env = await world.open();
  const { shape = [] } = env.spec.observationSpace.spaces.frames ?? {};
  const { seed, frame, proprioception, actions } = episode;
  await env.reset({
    seed,
    maxTicks: 0,
    frames: byteTensor(frame, [1, ...shape.slice(1)]),
    proprioception: floatTensor(proprioception, [proprioception.length]),
  });
  for (const action of actions.slice(0, -1)) await env.step(action, { ...options, nfe: 1 });
  const { observation } = await env.step(actions.at(-1) as Float32Array, { nfe: 1 });
  await env.close();
  return observation.frames.data;
}
