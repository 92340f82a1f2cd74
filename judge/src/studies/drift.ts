// Long play: does the picture stay a picture, and does the robot still answer, after an hour of dreaming?
//
// Relative actions integrate, so where the robot is may wander. What is held against reality is its response to some motion,
// from where it is. And the picture: how far its features are from the nearest of real frames.
import type { Env, Observation } from "@worldstep/protocols";
import { heldOutSeed, newestFrame, type Policy, Random } from "@worldstep/sdk";
import { scaled } from "../bench.js";
import { type Beside, beside } from "../beside.js";
import type { Bench, Settings, Study } from "../domain.js";
import { encodePng, tile } from "../picture.js";
import { distance, mean } from "../statistics.js";

/** Ticks at which the dream is looked at: 6 s, 1, 3, 10, 30 and 60 minutes. */
const LONGEST = 18_000;
const MARKS = [30, 300, 900, 3000, 9000, LONGEST] as const;
/** At each mark so many frames of play are looked at, and so many responses after it. */
const FRAMES = 30;
const RESPONSES = 6;
/** Ticks between two words about how far the play is. */
const TOLD = 100;
/** Of the picture of a mark. */
const SCALE = 2;
/** Held-out episodes that are this study's own; and those whose frames say what real ones look like. */
const FIRST = 400_000;
const FIRST_REAL = 450_000;
const BANK = 48;

/** At one mark. A dream whose state is not finite any more has no later ones. */
export interface Mark {
  readonly minutes: number;
  /** Mean distance of a frame's features to the nearest of real frames. */
  readonly picture: number;
  /** How far the robot's displacement is from reality's, of each motion. */
  readonly responses: readonly number[];
  /** PNG, base64: the frame at the mark. */
  readonly frame: string;
}

export interface LongPlay<B extends Bench> {
  /** Plays without end. */
  player(bench: B): Policy;
  /** Ticks that a response takes. */
  readonly responseTicks: number;
  /** Moves in `env` from `observation` on, as `random` says; how far from reality's the displacement was, and what is shown then. */
  respond(bench: B, env: Env, observation: Observation, random: Random): Promise<Response>;
}

export interface Response {
  readonly error: number;
  readonly observation: Observation;
}

export function drift<B extends Bench>(how: LongPlay<B>): Study<Beside<readonly Mark[]>, B> {
  return {
    count: async ({ settings }) => scaled(4, settings),
    ticks: ({ settings }) => 2 * (marks(settings).at(-1) as number),
    run: async (bench, i, onTicks) => {
      const seed = heldOutSeed(bench.settings.seed, FIRST + i);
      const real = await bank(bench);
      return beside(bench, seed, undefined, 0, (env, observation) =>
        longPlay(how, bench, env, observation, seed, real, onTicks),
      );
    },
  };
}

async function longPlay<B extends Bench>(
  { player, responseTicks, respond }: LongPlay<B>,
  bench: B,
  env: Env,
  start: Observation,
  seed: number,
  real: readonly Float32Array[],
  onTicks: (ticks: number) => void,
): Promise<readonly Mark[]> {
  const random = new Random(seed, "drift");
  const play = player(bench);
  await play.reset(seed);
  let [observation, tick] = [start, 0];
  const advance = async (): Promise<boolean> => {
    if (!isSound(observation)) return false;
    ({ observation } = await env.step(await play.act(observation)));
    tick++;
    if (tick % TOLD === 0) onTicks(TOLD);
    return true;
  };
  const found: Mark[] = [];
  for (const mark of marks(bench.settings)) {
    while (tick < mark - FRAMES) if (!(await advance())) return found;
    const distances: number[] = [];
    for (let k = 0; k < FRAMES; k++) {
      if (!(await advance())) return found;
      const { features } = await bench.probe.measure(newestFrame(observation));
      distances.push(Math.min(...real.map((other) => distance(other, features))));
    }
    const frame = pictureOf(bench, observation);
    const responses: number[] = [];
    for (let k = 0; k < RESPONSES; k++) {
      const response = await respond(bench, env, observation, random);
      observation = response.observation;
      responses.push(response.error);
    }
    tick += RESPONSES * responseTicks;
    await play.reset(seed + mark); // it does not know of these motions
    const minutes = (mark * env.spec.stride) / env.spec.fps / 60;
    found.push({ minutes, picture: mean(distances), responses, frame });
  }
  return found;
}

function pictureOf({ size }: Bench, observation: Observation): string {
  const frame = { width: size, height: size, data: newestFrame(observation) };
  return Buffer.from(encodePng(tile([[frame]], SCALE))).toString("base64");
}

function marks({ scale }: Settings): readonly number[] {
  const [first, ...later] = MARKS;
  return [first, ...later.filter((tick) => tick <= LONGEST * scale)];
}

const banks = new WeakMap<Bench, Promise<readonly Float32Array[]>>();

/** Features of real frames of other episodes; read once a bench. */
function bank(bench: Bench): Promise<readonly Float32Array[]> {
  const known = banks.get(bench) ?? readBank(bench);
  banks.set(bench, known);
  return known;
}

async function readBank(bench: Bench): Promise<readonly Float32Array[]> {
  const features: Float32Array[] = [];
  const bytes = bench.size * bench.size * 3;
  for (let i = 0; i < scaled(BANK, bench.settings); i++) {
    const { frames } = await bench.domain.record(bench.reality, heldOutSeed(bench.settings.seed, FIRST_REAL + i));
    for (let at = 0; at < frames.length; at += bytes * bench.subject.spec.stride) {
      features.push((await bench.probe.measure(frames.slice(at, at + bytes))).features);
    }
  }
  return features;
}

function isSound({ proprioception }: Observation): boolean {
  return proprioception.data.every(Number.isFinite);
}
