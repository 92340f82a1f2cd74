// The scripted policies without the simulator: what a page needs to play them. Nothing of Node, MuJoCo or rendering.
export { ENVIRONMENT_STATE, sceneOf } from "./environment-state.js";
export { POSE_KEYS, type Pose } from "./kinematics.js";
export { playPolicy, taskPolicy } from "./policies.js";
export { believing, type Scene, type ScriptedPolicy, type Skill } from "./script.js";
export { SCORED_TASKS, type ScoredTask } from "./tasks.js";
