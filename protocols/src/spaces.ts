// Gymnasium's spaces, the three kinds that worldstep needs, as plain data that travels in the server's hello.
import { ActionError } from "./errors.js";
import { shown } from "./shown.js";
import { type Dtype, elementCount, type FloatTensor, floatTensor, isTensorOf, shownTensor } from "./tensor.js";

/** All tensors of `shape` and `dtype` with every element in [low, high]. */
export interface BoxSpace {
  readonly type: "box";
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly low: number;
  readonly high: number;
}

/** A named set of spaces. */
export interface DictSpace {
  readonly type: "dict";
  readonly spaces: Readonly<Record<string, BoxSpace>>;
}

/** One action block as a user may write it: flat, a tensor, or one row a control step. Shape `[stride, A]`. */
export type ActionLike = FloatTensor | Float32Array | readonly number[] | readonly (readonly number[])[];

// Float32 rounding of a bound that was computed in float64 must not be an error.
const BOUND_SLACK = 1e-6;

/**
 * The action block as a float32 tensor of the space's shape `[stride, A]`.
 * Throws `ActionError` (`action_shape`, `action_not_finite`, `action_out_of_range`) at the first bad value.
 */
export function toAction(space: BoxSpace, action: ActionLike): FloatTensor {
  const values = flatten(action);
  const shape = isTensorOf(action, "float32") ? action.shape : undefined;
  const fits = values?.length === elementCount(space.shape) && String(shape ?? space.shape) === String(space.shape);
  if (values === undefined || !fits) {
    const remedy = "send one action block: a row for each control step of the tick";
    throw wrongShape("an action", space.shape, shape ?? (values && [values.length]) ?? action, remedy);
  }
  checkValues(space, values);
  return floatTensor(Float32Array.from(values), space.shape);
}

/**
 * Throws `ActionError` unless `blocks` is a tensor of action blocks with the axes `axes`, `["N", "T"]` say, before theirs, each
 * of at least 1: `action_shape`, and as `toAction` does. what: names it in the error.
 */
export function checkBlocks(
  space: BoxSpace,
  blocks: FloatTensor,
  axes: readonly string[],
  what: string,
  remedy: string,
): void {
  const isTensor = isTensorOf(blocks, "float32");
  const shape = isTensor ? blocks.shape : [];
  const isSame = shape.length > axes.length && String(shape.slice(axes.length)) === String(space.shape);
  if (!isSame || shape.slice(0, axes.length).includes(0)) {
    throw wrongShape(what, [...axes, ...space.shape], isTensor ? shape : blocks, remedy);
  }
  checkValues(space, blocks.data);
}

function wrongShape(what: string, expected: readonly (string | number)[], got: unknown, remedy: string): ActionError {
  const told = Array.isArray(got) ? `[${got.join(", ")}]` : shownTensor(got);
  const facts = { expected, got: Array.isArray(got) ? got : told };
  return new ActionError(
    "action_shape",
    `expected ${what} of shape [${expected.join(", ")}], got ${told}`,
    remedy,
    facts,
  );
}

function checkValues({ low, high }: BoxSpace, values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!Number.isFinite(value)) {
      throw new ActionError("action_not_finite", `action element ${i} is ${shown(value)}`, "send finite numbers", {
        index: i,
        value: shown(value),
      });
    }
    if (value < low - BOUND_SLACK || value > high + BOUND_SLACK) {
      throw new ActionError(
        "action_out_of_range",
        `action element ${i} is ${value}, outside [${low}, ${high}]`,
        "clip the action to the action space",
        { index: i, value, low, high },
      );
    }
  }
}

/**
 * The action blocks of a chunk as one tensor `[K, stride, A]`, K from 1 to `most`.
 * Throws `ActionError`: `action_chunk`, and as `toAction` does.
 */
export function toActions(space: BoxSpace, actions: readonly ActionLike[], most = 1): FloatTensor {
  if (!Array.isArray(actions)) {
    throw wrongShape("a list of actions", space.shape, actions, "send a list of action blocks, one for each tick");
  }
  checkTicks(actions.length, most);
  const size = elementCount(space.shape);
  const data = new Float32Array(actions.length * size);
  for (const [k, action] of actions.entries()) data.set(toAction(space, action).data, k * size);
  return floatTensor(data, [actions.length, ...space.shape]);
}

function checkTicks(ticks: number, most: number): void {
  if (ticks >= 1 && ticks <= most) return;
  const remedy =
    most > 1 ? `send 1 to ${most} action blocks` : "step tick by tick: this world denoises nothing jointly";
  throw new ActionError("action_chunk", `a chunk of ${ticks} ticks`, remedy, { ticks, most });
}

/**
 * The action blocks in a stranger's tensor `[K, stride, A]`, as views of it. Throws `ActionError`: `action_shape` for a
 * tensor of another rank, `action_chunk` for more than `most`: blocks may be empty, and there may be billions of them.
 */
export function blocksOf(space: BoxSpace, actions: FloatTensor, most = 1): FloatTensor[] {
  const { shape } = actions;
  if (shape.length !== space.shape.length + 1) {
    throw wrongShape("a chunk", ["K", ...space.shape], shape, "send a list of action blocks, one for each tick");
  }
  checkTicks(shape[0] as number, most);
  return actionsOf(actions);
}

/** The action blocks in a tensor `[K, ..]`, as views of it. */
export function actionsOf({ data, shape }: FloatTensor): FloatTensor[] {
  const [count = 0, ...block] = shape;
  const size = elementCount(block);
  return Array.from({ length: count }, (_, k) => floatTensor(data.subarray(k * size, (k + 1) * size), block));
}

// The numbers of what may be an action, whatever was passed as one.
function flatten(action: ActionLike): ArrayLike<number> | undefined {
  if (Array.isArray(action)) return action.flat() as number[];
  if (ArrayBuffer.isView(action)) return action instanceof Float32Array ? action : undefined;
  return isTensorOf(action, "float32") ? action.data : undefined;
}
