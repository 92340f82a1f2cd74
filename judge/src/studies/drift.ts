// Long play: does the picture stay a picture, and does the arm still answer, after an hour of dreaming?
//
// Relative actions integrate, so the pose itself may wander. What is held against the simulator is the response: the
// displacement of the tip under ten ticks of one motion in free air, with the simulator set to the pose that the probe
// reads before it. And the picture: how far its features are from the nearest of real frames.

import type { Env, Observation } from "@worldstep/protocols";
import { heldOutSeed, newestFrame, Random } from "@worldstep/sdk";
import { type Pose, playPolicy, recordEpisode, scriptedPolicy } from "@worldstep/tabletop";
import { type Bench, type Settings, scaled } from "../bench.js";
import { type Beside, beside } from "../beside.js";
import { held, MIDDLE, towards } from "../moves.js";
import { encodePng, tile } from "../picture.js";
import { distance, mean } from "../statistics.js";
import type { Study } from "../study.js";

/** Ticks at which the dream is looked at: 6 s, 1, 3, 10, 30 and 60 minutes. */
const LONGEST = 18_000;
const MARKS = [30, 300, 900, 3000, 9000, LONGEST] as const;
/** At each mark so many frames of play are looked at, and so many responses after it. */
const FRAMES = 30;
const RESPONSES = 6;
const APPROACH = 10;
const MOTION = 10;
/** Ticks between two words about how far the play is. */
const TOLD = 100;
const SPEED = 0.2;
/** Of the picture of a mark. */
const SCALE = 2;
/** Held-out episodes that are this study's own; and those whose frames say what real ones look like. */
const FIRST = 400_000;
const FIRST_REAL = 450_000;
const BANK = 48;
const CM = 100;

/** At one mark. A dream whose state is not finite any more has no later ones. */
export interface Mark {
  readonly minutes: number;
  /** Mean distance of a frame's features to the nearest of real frames. */
  readonly picture: number;
  /** How far the tip's displacement is from the simulator's, cm, of each motion. */
  readonly responses: readonly number[];
  /** PNG, base64: the frame at the mark. */
  readonly frame: string;
}

export const drift: Study<Beside<readonly Mark[]>> = {
  count: async ({ settings }) => scaled(4, settings),
  ticks: (settings) => 2 * (marks(settings).at(-1) as number),
  run: async (bench, i, onTicks) => {
    const seed = heldOutSeed(bench.settings.seed, FIRST + i);
    const real = await bank(bench);
    return beside(bench, seed, "play", 0, (env, observation) => longPlay(bench, env, observation, seed, real, onTicks));
  },
};

async function longPlay(
  bench: Bench,
  env: Env,
  start: Observation,
  seed: number,
  real: readonly Float32Array[],
  onTicks: (ticks: number) => void,
): Promise<readonly Mark[]> {
  const random = new Random(seed, "drift");
  const play = scriptedPolicy(bench.probe, playPolicy);
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
      const angle = random.uniform(-Math.PI, Math.PI);
      const motion = held({ x: SPEED * Math.cos(angle), y: SPEED * Math.sin(angle), z: random.uniform(-0.05, 0.05) });
      const answer = await respond(bench, env, observation, motion);
      observation = answer.observation;
      responses.push(await responseError(bench, answer, motion));
    }
    tick += RESPONSES * (APPROACH + 1 + MOTION);
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

interface Answer {
  readonly observation: Observation;
  /** As the probe reads them. */
  readonly before: Pose;
  readonly after: Pose;
}

// Up into free air, a tick of rest, then the motion.
async function respond(bench: Bench, env: Env, start: Observation, motion: Float32Array): Promise<Answer> {
  let observation = start;
  for (let t = 0; t < APPROACH && isSound(observation); t++)
    ({ observation } = await env.step(towards(observation, MIDDLE)));
  ({ observation } = await env.step(held({})));
  const before = (await bench.probe.measure(newestFrame(observation))).tip;
  for (let t = 0; t < MOTION; t++) ({ observation } = await env.step(motion));
  const after = (await bench.probe.measure(newestFrame(observation))).tip;
  return { observation, before, after };
}

async function responseError(bench: Bench, { before, after }: Answer, motion: Float32Array): Promise<number> {
  const { twin } = bench;
  await twin.reset({ seed: heldOutSeed(bench.settings.seed, FIRST), task: "play", maxTicks: 0 });
  twin.setTip(before);
  const from = twin.state().tip;
  for (let t = 0; t < MOTION; t++) await twin.step(motion);
  const to = twin.state().tip;
  const moved = (a: Pose, b: Pose) => [b.x - a.x, b.y - a.y, b.z - a.z];
  return distance(moved(from, to), moved(before, after)) * CM;
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
    const { frames } = await recordEpisode(bench.reality, heldOutSeed(bench.settings.seed, FIRST_REAL + i));
    for (let at = 0; at < frames.length; at += bytes * bench.subject.spec.stride) {
      features.push((await bench.probe.measure(frames.slice(at, at + bytes))).features);
    }
  }
  return features;
}

function isSound({ proprioception }: Observation): boolean {
  return proprioception.data.every(Number.isFinite);
}
