export { actEvolved, evolvedPolicy, weightCount } from "./policies/evolved.js";
export { readPolicies, type TabletopEntry, type TabletopPolicies } from "./policies/folder.js";
export { learnedPolicy } from "./policies/learned.js";
export { blindly, scriptedPolicy } from "./policies/scripted.js";
export { type Eyes, type Measured, TabletopProbe } from "./probe.js";
export { type Difference, differenceOf, sizeBeside } from "./simulator/alike.js";
export { sceneOf } from "./simulator/environment-state.js";
export { EPISODE_TICKS, type Episode, recordEpisode } from "./simulator/episode.js";
export { type GenerateOptions, generate } from "./simulator/generate.js";
export { ACTION_SCALE, POSE_KEYS, type Pose, WORKSPACE } from "./simulator/kinematics.js";
export type { Layout } from "./simulator/layout.js";
export type { SimulatorOptions } from "./simulator/options.js";
export { blindPolicy, novicePolicy, playPolicy, taskPolicy } from "./simulator/policies.js";
export { believing, type Scene, type ScriptedPolicy, type Skill } from "./simulator/script.js";
export { readShard, writeShard } from "./simulator/shard.js";
export {
  createSimulator,
  type Moment,
  type Simulator,
  type SimulatorState,
  simulatorSpec,
} from "./simulator/simulator.js";
export { SCORED_TASKS, type ScoredTask, TASKS, type Task } from "./simulator/tasks.js";
export { CAMERAS, type CameraName } from "./simulator/view.js";
export { openProbe, TABLETOP } from "./tabletop.js";
