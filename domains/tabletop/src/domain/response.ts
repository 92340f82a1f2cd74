// How the arm answers after long play: the displacement of its tip under ten ticks of one motion in free air, beside that of
// the simulator set to the pose that the probe measures before it.

import { distance, type LongPlay } from "@worldstep/judge/kit";
import type { Env, Observation } from "@worldstep/protocols";
import { heldOutSeed, newestFrame, type Random } from "@worldstep/sdk";
import { scriptedPolicy } from "../policies/scripted.js";
import type { Pose } from "../simulator/kinematics.js";
import { playPolicy } from "../simulator/policies.js";
import type { TabletopBench } from "./bench.js";
import { held, MIDDLE, towards } from "./moves.js";

const APPROACH = 10;
const MOTION = 10;
const SPEED = 0.2;
/** The held-out episode in whose scene the simulator answers. */
const SCENE = 400_000;
const CM = 100;

export const longPlay: LongPlay<TabletopBench> = {
  player: ({ probe }) => scriptedPolicy(probe, playPolicy),
  responseTicks: APPROACH + 1 + MOTION,
  respond: async (bench, env, observation, random) => {
    const motion = drawn(random);
    const answer = await respond(bench, env, observation, motion);
    return { error: await errorOf(bench, answer, motion), observation: answer.observation };
  },
};

function drawn(random: Random): Float32Array {
  const angle = random.uniform(-Math.PI, Math.PI);
  return held({ x: SPEED * Math.cos(angle), y: SPEED * Math.sin(angle), z: random.uniform(-0.05, 0.05) });
}

interface Answer {
  readonly observation: Observation;
  /** As the probe measures them. */
  readonly before: Pose;
  readonly after: Pose;
}

// Up into free air, a tick of rest, then the motion.
async function respond({ probe }: TabletopBench, env: Env, start: Observation, motion: Float32Array): Promise<Answer> {
  let observation = start;
  for (let t = 0; t < APPROACH && isSound(observation); t++)
    ({ observation } = await env.step(towards(observation, MIDDLE)));
  ({ observation } = await env.step(held({})));
  const before = (await probe.measure(newestFrame(observation))).tip;
  for (let t = 0; t < MOTION; t++) ({ observation } = await env.step(motion));
  const after = (await probe.measure(newestFrame(observation))).tip;
  return { observation, before, after };
}

async function errorOf(bench: TabletopBench, { before, after }: Answer, motion: Float32Array): Promise<number> {
  const { twin } = bench;
  await twin.reset({ seed: heldOutSeed(bench.settings.seed, SCENE), task: "play", maxTicks: 0 });
  twin.setTip(before);
  const from = twin.state().tip;
  for (let t = 0; t < MOTION; t++) await twin.step(motion);
  const to = twin.state().tip;
  const moved = (a: Pose, b: Pose) => [b.x - a.x, b.y - a.y, b.z - a.z];
  return distance(moved(from, to), moved(before, after)) * CM;
}

function isSound({ proprioception }: Observation): boolean {
  return proprioception.data.every(Number.isFinite);
}
