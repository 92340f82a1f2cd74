export {
  ActionError,
  type ActionLike,
  type AutoresetMode,
  type BoxSpace,
  type ByteTensor,
  byteTensor,
  type Camera,
  type Channel,
  type ChannelKind,
  type Determinism,
  type DictSpace,
  type Dtype,
  type Env,
  type EnvSpec,
  type FloatTensor,
  type ForkOptions,
  floatTensor,
  fork,
  type HelloMessage,
  type Info,
  type Limits,
  type Observation,
  type Observed,
  OptionError,
  type Planned,
  type PlanOptions,
  type Predicted,
  ProtocolError,
  plan,
  predict,
  ResetNeededError,
  type ResetOptions,
  type ResetResult,
  restore,
  ShapeError,
  SnapshotError,
  type StateChannel,
  type StepOptions,
  type StepResult,
  type StreamPolicy,
  scale,
  snapshot,
  stepChunk,
  type Tensor,
  toAction,
  unscale,
  WorldError,
  WorldFileError,
  type WorldInfo,
} from "@worldstep/protocols";
export { type Connection, type ConnectOptions, connect, type RemoteStreamEnv } from "./client/connect.js";
export type { SessionKey } from "./client/remote-env.js";
export type { WebSocketConstructor, WebSocketLike } from "./client/socket.js";
export type { WatchedTick, WatchOptions } from "./client/watch.js";
export { batch } from "./env/batch.js";
export { type CheckEnvOptions, type CheckReport, type CheckResult, checkEnv } from "./env/check-env.js";
export { cutPlan } from "./env/cut-plan.js";
export { type LoadedWorld, type LoadOptions, load, type Tokenizer } from "./env/load.js";
export { Random } from "./env/random.js";
export { type Episode, type RecordedEnv, record } from "./env/record.js";
export { type ActionSource, type RolloutOptions, rollout, rolloutPlan } from "./env/rollout.js";
export { heldOutSeed, trainingSeed } from "./env/seeds.js";
export {
  type Frame,
  observe,
  type ResetEvent,
  type StepEvent,
  type StreamEnv,
  splitFrames,
} from "./env/streams.js";
export {
  type EpisodeOptions,
  openVector,
  type VectorActionLike,
  type VectorChunkLike,
  type VectorChunkResult,
  VectorEnv,
  VectorEnvError,
  type VectorEnvOptions,
  type VectorForkOptions,
  type VectorResetOptions,
  type VectorResetResult,
  type VectorStepResult,
} from "./env/vector-env.js";
export { Wrapper } from "./env/wrapper.js";
export { connectPolicy, type PolicyDialect, type PolicyOptions, type RemotePolicy } from "./policy/connect-policy.js";
export { type Clipped, type DrivenStep, type DriveOptions, defaultObservation, drive, planOf } from "./policy/drive.js";
export {
  beginEvolution,
  type EvolutionSettings,
  type EvolutionState,
  type Generation,
  nextGeneration,
} from "./policy/evolution.js";
export { type PlanningOptions, planningPolicy } from "./policy/planning-policy.js";
export { newestFrame, type Policy } from "./policy/policy.js";
export { isTensor, type PolicyRecord, type PolicyValue, packPolicy, unpackPolicy } from "./policy/policy-codec.js";
export { remotePolicy } from "./policy/remote-policy.js";
