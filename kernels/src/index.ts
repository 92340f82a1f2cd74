export { type Asked, type Attribute, inputsOf, type Op, type Rule, type WeightShape } from "./op.js";
export type { Activation } from "./ops/activation.js";
export { type AnyOp, hash, type OpKind, type OpOf, type Plan, print, weightsOf } from "./plan.js";
export { RULES } from "./rules.js";
export { type Dim, type Dtype, type Made, type Shape, ShapeError, show, sizeOf, type Tensor } from "./tensor.js";
