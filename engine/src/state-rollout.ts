// Rollouts in the state alone: the predictor fed with what it predicts, many sequences in one batch. No frame is dreamed, so nothing that a
// frame would have shown corrects it.
//
// Shapes: N sequences, T ticks, s stride, A action size, Q numbers of a state.
import type { Program } from "./backend.js";

export interface StateRollout {
  /** `[N, T, Q]`, normalised. */
  readonly states: Float32Array;
  /** `[N, T, 2 tasks]`: rewards, and logits of success. */
  readonly scores: Float32Array;
}

/** Rows of one run: more gain nothing, and hold up whoever waits. */
const MOST_ROWS = 1024;

/** Where `actions` `[N, T, s A]` lead from `state` `[Q]`, to which `control` `[s A + Q]` led. program: of `predictPlan`. */
export async function rollOutStates(
  program: Program,
  state: Float32Array,
  control: Float32Array,
  actions: Float32Array,
  ticks: number,
): Promise<StateRollout> {
  const A = control.length - state.length;
  const size = ticks * A;
  const parts: StateRollout[] = [];
  for (let from = 0; from < actions.length; from += MOST_ROWS * size) {
    const some = actions.subarray(from, Math.min(from + MOST_ROWS * size, actions.length));
    parts.push(await rollOut(program, state, control, some, ticks));
  }
  return parts.length === 1
    ? (parts[0] as StateRollout)
    : { states: joined(parts.map(({ states }) => states)), scores: joined(parts.map(({ scores }) => scores)) };
}

async function rollOut(
  program: Program,
  start: Float32Array,
  control: Float32Array,
  actions: Float32Array,
  ticks: number,
): Promise<StateRollout> {
  const [Q, A] = [start.length, control.length - start.length];
  const N = actions.length / (ticks * A);
  const matrix = (data: Float32Array) => ({ shape: [N, data.length / N], data: data.slice() }); // a run takes what it is given
  let actionBefore = repeated(control.subarray(0, A), N);
  let stateBefore = repeated(control.subarray(A), N);
  let state = repeated(start, N);
  const made: { readonly states: Float32Array[]; readonly scores: Float32Array[] } = { states: [], scores: [] };
  for (let k = 0; k < ticks; k++) {
    const action = new Float32Array(N * A);
    for (let n = 0; n < N; n++) action.set(actions.subarray((n * ticks + k) * A, (n * ticks + k + 1) * A), n * A);
    const inputs = {
      action: matrix(action),
      state: matrix(state),
      actionBefore: matrix(actionBefore),
      stateBefore: matrix(stateBefore),
    };
    const { predicted, scores } = await program.run(inputs, ["predicted", "scores"]);
    [actionBefore, stateBefore, state] = [action, state, predicted?.data as Float32Array];
    made.states.push(state);
    made.scores.push(scores?.data as Float32Array);
  }
  return { states: bySequence(made.states, N, Q), scores: bySequence(made.scores, N) };
}

// `[N, T, size]` of T matrices `[N, size]`.
function bySequence(matrices: readonly Float32Array[], N: number, size = (matrices[0]?.length ?? 0) / N): Float32Array {
  const T = matrices.length;
  const out = new Float32Array(N * T * size);
  for (const [k, matrix] of matrices.entries()) {
    for (let n = 0; n < N; n++) out.set(matrix.subarray(n * size, (n + 1) * size), (n * T + k) * size);
  }
  return out;
}

function repeated(row: Float32Array, count: number): Float32Array {
  const out = new Float32Array(count * row.length);
  for (let at = 0; at < out.length; at += row.length) out.set(row, at);
  return out;
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
