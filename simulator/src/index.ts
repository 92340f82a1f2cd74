export { type Difference, differenceOf, sizeBeside } from "./alike.js";
export { sceneOf } from "./environment-state.js";
export { EPISODE_TICKS, type Episode, recordEpisode } from "./episode.js";
export { type GenerateOptions, generate } from "./generate.js";
export { ACTION_SCALE, POSE_KEYS, type Pose, WORKSPACE } from "./kinematics.js";
export type { Layout } from "./layout.js";
export type { SimulatorOptions } from "./options.js";
export { blindPolicy, novicePolicy, playPolicy, taskPolicy } from "./policies.js";
export { Random } from "./random.js";
export { believing, type Scene, type ScriptedPolicy, type Skill } from "./script.js";
export { heldOutSeed, trainingSeed } from "./seeds.js";
export { readShard, writeShard } from "./shard.js";
export {
  createSimulator,
  type Moment,
  type Simulator,
  type SimulatorState,
  type Snapshot,
  simulatorSpec,
} from "./simulator.js";
export { SCORED_TASKS, type ScoredTask, TASKS, type Task } from "./tasks.js";
export { CAMERAS, type CameraName } from "./view.js";
