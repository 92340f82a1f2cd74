// The tabletop as the judge knows it: what a world of it is held against, measured by, and asked.
import {
  cost,
  costPart,
  type Domain,
  drift,
  fidelity,
  horizonPart,
  type Learner,
  ranking,
  rankingPart,
  recall,
  rewardPart,
  surprise,
  training,
  trainingPart,
  uncertaintyPart,
} from "@worldstep/judge/kit";
import { type EnvSpec, OptionError } from "@worldstep/protocols";
import { actEvolved, weightCount } from "../policies/evolved.js";
import { readPolicies } from "../policies/folder.js";
import type { Measured } from "../probe.js";
import { differenceOf, sizeBeside } from "../simulator/alike.js";
import { EPISODE_TICKS, type Episode, recordEpisode } from "../simulator/episode.js";
import { createSimulator, type Simulator, simulatorSpec } from "../simulator/simulator.js";
import { SCORED_TASKS, type ScoredTask } from "../simulator/tasks.js";
import { openProbe, TABLETOP } from "../tabletop.js";
import { hiding } from "./hiding.js";
import { armOpenLoop } from "./open-loop.js";
import { lookingAheadPart } from "./parts/looking-ahead.js";
import { type ArmOpenLoop, obedience } from "./parts/obedience.js";
import { physics } from "./parts/physics.js";
import { questions } from "./questions.js";
import { longPlay } from "./response.js";
import { handling, resting } from "./studies/handling.js";
import { inverseActions } from "./studies/inverse.js";
import { lookingAhead } from "./studies/looking-ahead.js";

/** Ticks of an episode of ranking: 9 s, in which every expert is done and a slow one barely. */
const CONTEST_TICKS = 45;
/** Of a cube's middle, m, where it lies on the table. */
const ON_TABLE = 0.025;
/** An end effector further off than this, cm, is what an uncertainty should have warned of. */
const ASTRAY = 5;

const LEARNERS: readonly Learner<Measured>[] = [learner("reach", 12), learner("push", 20)];

export const tabletop: Domain<Simulator, Measured, Episode> = {
  id: "tabletop",
  tasks: SCORED_TASKS,
  ticks: EPISODE_TICKS,
  sizeBeside: (spec) => {
    const size = sizeBeside(spec);
    checkAlike(spec, size);
    return size;
  },
  reality: ({ size, varied, filmed }) => createSimulator({ size, varied, newestOnly: !filmed }),
  asWorld: (size) => {
    const options = { varied: true, ...(size !== undefined && { size }) };
    return {
      id: "simulator",
      description: "The MuJoCo tabletop itself",
      hash: "simulator",
      spec: simulatorSpec(options),
      open: () => createSimulator(options),
      close: async () => undefined,
    };
  },
  record: recordEpisode,
  probe: openProbe,
  policies: (folder = TABLETOP) => readPolicies(folder),
  studies: {
    openLoop: armOpenLoop,
    inverseActions,
    lookingAhead,
    handling,
    resting,
    drift: drift(longPlay),
    recalled: recall(hiding),
    surprise,
    ranking: ranking({
      ticks: CONTEST_TICKS,
      isPlain: (simulator: Simulator) =>
        simulator.state().layout.cubes.every(({ position }) => position[2] === ON_TABLE),
    }),
    training: training(LEARNERS),
    cost,
  },
  parts: {
    fidelity,
    obedience,
    lookingAhead: lookingAheadPart,
    uncertainty: uncertaintyPart({
      what: "whose end effector is more than 5 cm off",
      of: ({ tip }: ArmOpenLoop) => tip.map((off) => off > ASTRAY),
    }),
    physics,
    horizon: horizonPart({
      player: "a script that sees through the probe",
      response:
        "the tip is led into free air, moved for ten ticks, and its displacement compared with that of the simulator set to " +
        "the pose that the probe measured before.",
      motion: "ten ticks of motion",
      worse: 2,
      hiding:
        "the hand hides a cube from the camera for 2, 5 or 10 s, then goes; how far the probe sees that cube from where it " +
        "was, and, as recallErrorVisible, the other two. Scenes in which the simulator's hand left it in sight are not counted.",
    }),
    reward: rewardPart(SCORED_TASKS),
    ranking: rankingPart(SCORED_TASKS),
    training: trainingPart({
      tasks: LEARNERS.map(({ task }) => task),
      policy: "a tanh of a linear map of what the probe measures in the frame and the proprioception",
      simulator: "MuJoCo",
    }),
    cost: costPart,
  },
  questions,
};

export default tabletop;

function learner(task: ScoredTask, maxTicks: number): Learner<Measured> {
  return {
    task,
    maxTicks,
    weights: weightCount(task),
    act: (probe, weights, observation) => actEvolved(probe, task, weights, observation),
  };
}

/** Whether a world shows and takes what a simulator of that size does. */
function checkAlike(world: EnvSpec, size: number): void {
  const difference = differenceOf(world, simulatorSpec({ size }));
  if (difference === undefined) return;
  const { what, world: has, simulator } = difference;
  throw new OptionError(
    "eval_world_unfit",
    `the world's ${what} is ${JSON.stringify(has)}; the judge's simulator has ${JSON.stringify(simulator)}`,
    "judge worlds of the tabletop",
    { [what]: has },
  );
}
