export { type Admission, checkOrigins, checkToken, type Refusal, refusalOf, tokenProtocol } from "./admission.js";
export { attempt } from "./attempt.js";
export { CHANNEL_KINDS, type Channel, type ChannelKind, scale, unscale } from "./channel.js";
export { MessageError } from "./check.js";
export { cannotPlan, checkPlan, checkPredict, copiedPlan, plan, predict } from "./check-plan.js";
export {
  type Codec,
  codecFor,
  decodeClientMessage,
  decodeMessage,
  encodeMessage,
  msgpackCodec,
  protobufCodec,
} from "./codec.js";
export {
  type AutoresetMode,
  type CallOptions,
  type Camera,
  DETERMINISM,
  type Determinism,
  type Env,
  type EnvSpec,
  type ForkOptions,
  type Info,
  OBSERVED,
  type Observation,
  type Observed,
  type ResetOptions,
  type ResetResult,
  type StateChannel,
  type StepOptions,
  type StepResult,
  stateChannel,
  stateName,
} from "./env.js";
export { CLOSE_CODES, ERRORS, type ErrorCode } from "./error-table.js";
export {
  ActionError,
  type ErrorFacts,
  OptionError,
  ProtocolError,
  ResetNeededError,
  ShapeError,
  SnapshotError,
  WorldError,
  WorldFileError,
} from "./errors.js";
export { LASTING, PROTOCOL, STREAM_POLICIES } from "./fields.js";
export { cannotFork, cannotSnapshot, checkFork, fork, restore, snapshot } from "./fork.js";
export {
  type CancelledMessage,
  type CancelMessage,
  type ChunkTick,
  type ClientMessage,
  type ClosedMessage,
  type CloseMessage,
  type CreditMessage,
  type ErrorMessage,
  type ForkedMessage,
  type ForkMessage,
  type FrameMessage,
  type HelloMessage,
  isClientMessage,
  type Limits,
  type Message,
  type ObservationMessage,
  type OpenedMessage,
  type OpenMessage,
  observationOf,
  observationsOf,
  observationsTensors,
  observationTensors,
  type PingMessage,
  type PlanMessage,
  type PlannedMessage,
  type PongMessage,
  type PredictedMessage,
  type PredictMessage,
  type Replies,
  type ResetMessage,
  type RestoredMessage,
  type RestoreMessage,
  type ResumedMessage,
  type ResumeMessage,
  type ServerMessage,
  type SnapshotMessage,
  type SnapshottedMessage,
  type StepChunkMessage,
  type StepMessage,
  type SteppedChunkMessage,
  type SteppedMessage,
  type StreamEndedMessage,
  type StreamPolicy,
  type SubscribedMessage,
  type SubscribeMessage,
  type Tensors,
  type UnsubscribedMessage,
  type UnsubscribeMessage,
  type WorldInfo,
} from "./messages.js";
export { checkKeys, checkObserve, checkReset, checkStep, observed } from "./options.js";
export {
  PLAN_METHODS,
  PLAN_MODES,
  type PlanMethod,
  type PlanMode,
  type Planned,
  type PlanOptions,
  type PlanSearch,
  type Predicted,
} from "./planning.js";
export { cut, shown } from "./shown.js";
export {
  checkLike,
  copiedSnapshot,
  packSnapshot,
  type Snapshot,
  type SnapshotOrigin,
  snapshotPosition,
  unpackSnapshot,
} from "./snapshot.js";
export { type ActionLike, actionsOf, type BoxSpace, blocksOf, type DictSpace, toAction, toActions } from "./spaces.js";
export { stepChunk } from "./step-chunk.js";
export { signalOf, stopError, throwIfStopped } from "./stop.js";
export {
  BYTES_PER_ELEMENT,
  type ByteTensor,
  byteTensor,
  copiedTensor,
  type Dtype,
  elementCount,
  type FloatTensor,
  floatTensor,
  isTensorOf,
  shownTensor,
  type Tensor,
  tensorBytes,
} from "./tensor.js";
export { errorFromWire, errorToWire, INTERNAL, type WireError } from "./wire-errors.js";
