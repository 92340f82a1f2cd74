// Rollouts in the state alone: the predictor fed with what it predicts, many sequences in one batch. No frame is dreamed, so nothing that a
// frame would have shown corrects it.
//
// Shapes: N sequences, T ticks, s stride, A action size, Q numbers of a state.
import { throwIfStopped } from "@worldstep/protocols";
import type { Program } from "./backend.js";

export interface StateRollout {
  /** `[N, T, Q]`, normalised. */
  readonly states: Float32Array;
  /** `[N, T, 2 tasks]`: rewards, and logits of success. */
  readonly scores: Float32Array;
}

/** Rows of one run: more gain nothing, and hold up whoever waits. */
const MOST_ROWS = 1024;

/**
 * Where `actions` `[N, T, s A]` lead from `state` `[Q]`, to which `control` `[s A + Q]` led. program: of `predictPlan`.
 * Throws `stopError` once `signal` is aborted.
 */
export async function rollOutStates(
  program: Program,
  state: Float32Array,
  control: Float32Array,
  actions: Float32Array,
  ticks: number,
  signal?: AbortSignal,
): Promise<StateRollout> {
  const [Q, size] = [state.length, ticks * (control.length - state.length)];
  const S = program.plan.outputs.scores?.shape[1] as number;
  const N = actions.length / size;
  const whole = { states: new Float32Array(N * ticks * Q), scores: new Float32Array(N * ticks * S) };
  for (let n = 0; n < N; n += MOST_ROWS) {
    const [from, to] = [n, Math.min(n + MOST_ROWS, N)];
    const into = {
      states: whole.states.subarray(from * ticks * Q, to * ticks * Q),
      scores: whole.scores.subarray(from * ticks * S, to * ticks * S),
    };
    await rollOut(program, state, control, actions.subarray(from * size, to * size), ticks, into, signal);
  }
  return whole;
}

async function rollOut(
  program: Program,
  start: Float32Array,
  control: Float32Array,
  actions: Float32Array,
  ticks: number,
  into: StateRollout,
  signal: AbortSignal | undefined,
): Promise<void> {
  const A = control.length - start.length;
  const N = actions.length / (ticks * A);
  const matrix = (data: Float32Array) => ({ shape: [N, data.length / N], data: data.slice() }); // a run takes what it is given
  let actionBefore = repeated(control.subarray(0, A), N);
  let stateBefore = repeated(control.subarray(A), N);
  let state = repeated(start, N);
  for (let k = 0; k < ticks; k++) {
    throwIfStopped(signal);
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
    putTick(into.states, state, start.length, k, ticks);
    const read = scores?.data as Float32Array;
    putTick(into.scores, read, read.length / N, k, ticks);
  }
}

// The rows `[N, size]` of tick k into `[N, T, size]`.
function putTick(into: Float32Array, rows: Float32Array, size: number, k: number, T: number): void {
  for (let at = 0; at < rows.length; at += size) into.set(rows.subarray(at, at + size), at * T + k * size);
}

function repeated(row: Float32Array, count: number): Float32Array {
  const out = new Float32Array(count * row.length);
  for (let at = 0; at < out.length; at += row.length) out.set(row, at);
  return out;
}
