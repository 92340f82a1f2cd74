// The scripted policies without the simulator: what a page needs to play them. Nothing of Node, MuJoCo or rendering.
export { ENVIRONMENT_STATE, sceneOf } from "./simulator/environment-state.js";
export { POSE_KEYS, type Pose } from "./simulator/kinematics.js";
export { playPolicy, taskPolicy } from "./simulator/policies.js";
export { believing, type Scene, type ScriptedPolicy, type Skill } from "./simulator/script.js";
export { SCORED_TASKS, type ScoredTask } from "./simulator/tasks.js";
