export type {
  AutoresetMode,
  Env,
  EnvSpec,
  Info,
  Observation,
  ResetOptions,
  ResetResult,
  StepOptions,
  StepResult,
} from "./env.js";
export {
  ActionError,
  type ErrorFacts,
  OptionError,
  ProtocolError,
  ResetNeededError,
  ShapeError,
  WorldError,
  WorldFileError,
} from "./errors.js";
export { type ActionLike, type BoxSpace, type DictSpace, toAction } from "./spaces.js";
export {
  BYTES_PER_ELEMENT,
  type ByteTensor,
  byteTensor,
  type Dtype,
  elementCount,
  type FloatTensor,
  floatTensor,
  type Tensor,
  tensorBytes,
} from "./tensor.js";
