// What the checks compare with: spaces, whole results bit for bit, and errors by their code.
import {
  type BoxSpace,
  type DictSpace,
  type Env,
  elementCount,
  type Observation,
  type StepResult,
  type Tensor,
  tensorBytes,
  WorldError,
} from "@worldstep/protocols";

/** Throws `Error` with `message` unless `condition`. */
export function expect(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** Every tensor of `space`, no other, with exact dtype and shape and all elements within the bounds. */
export function expectObservation(space: DictSpace, observation: Observation, when: string): void {
  expectEqual(Object.keys(observation).sort(), Object.keys(space.spaces).sort(), `keys of the observation ${when}`);
  for (const [key, box] of Object.entries(space.spaces)) expectInBox(box, observation[key] as Tensor, `${key} ${when}`);
}

const ARRAYS = { uint8: Uint8Array, int32: Int32Array, float32: Float32Array } as const;

function expectInBox(box: BoxSpace, tensor: Tensor, what: string): void {
  expectEqual(tensor.dtype, box.dtype, `dtype of ${what}`);
  expectEqual(tensor.shape, box.shape, `shape of ${what}`);
  expect(tensor.data instanceof ARRAYS[box.dtype], `${what}: data is a ${tensor.data.constructor.name}`);
  expectEqual(tensor.data.length, elementCount(box.shape), `elements of ${what}`);
  const bad = tensor.data.findIndex((value) => !(value >= box.low && value <= box.high));
  expect(bad < 0, `${what}: element ${bad} is ${tensor.data[bad]}, outside [${box.low}, ${box.high}]`);
}

/** Equal as JSON; tensors within are compared by `expectSame`. */
export function expectEqual(got: unknown, expected: unknown, what: string): void {
  const [a, b] = [JSON.stringify(got), JSON.stringify(expected)];
  expect(a === b, `${what}: expected ${b}, got ${a}`);
}

/** Two results of `reset` or `step` are equal bit for bit, info included. */
export function expectSame(got: Partial<StepResult>, expected: Partial<StepResult>, what: string): void {
  const { observation: gotObservation = {}, ...gotRest } = got;
  const { observation = {}, ...rest } = expected;
  expect(sameObservation(gotObservation, observation), `${what}: the observations differ`);
  expectEqual(sorted(gotRest), sorted(rest), what);
}

export function sameObservation(a: Partial<Observation>, b: Partial<Observation>): boolean {
  return Object.keys({ ...a, ...b }).every((key) => {
    const [left, right] = [a[key], b[key]];
    if (left === undefined || right === undefined || String(left.shape) !== String(right.shape)) return false;
    const [leftBytes, rightBytes] = [tensorBytes(left), tensorBytes(right)];
    return leftBytes.length === rightBytes.length && leftBytes.every((byte, i) => byte === rightBytes[i]);
  });
}

// The order of keys is no part of a result.
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}

/** What a caller without types may pass by mistake, for anything; nothing of it can be cloned, sent or read as numbers. */
export const NOTHINGS: readonly (readonly [string, unknown])[] = [
  ["undefined", undefined],
  ["null", null],
  ["a function", () => 0],
  ["a symbol", Symbol("nothing")],
  ["text", "nothing"],
  ["NaN", Number.NaN],
  ["a list of a function", [() => 0]],
];

/** `call` rejects with a `WorldError` of `code`, or of a code that starts with it where it ends in `_`. */
export async function expectRefusal(call: () => Promise<unknown>, code: string, what: string): Promise<void> {
  const error: unknown = await call().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error !== undefined, `${what} was accepted`);
  expect(error instanceof WorldError, `${what}: expected a WorldError, got ${String(error)}`);
  const same = code.endsWith("_") ? error.code.startsWith(code) : error.code === code;
  expect(same, `${what}: expected code ${code}${code.endsWith("_") ? "..." : ""}, got ${error.code}`);
}

/** Whatever tick `i` of a compared rollout is given: within the space, and different for each element and tick. */
export function actionAt({ spec }: Env, tick: number): Float32Array {
  const { shape, low, high } = spec.actionSpace;
  return Float32Array.from({ length: elementCount(shape) }, (_, i) => {
    const unit = (Math.sin(12.9898 * (i + 1) + 78.233 * (tick + 1)) + 1) / 2;
    return Math.min(high, Math.max(low, low + (high - low) * unit));
  });
}
