// Looking ahead from an episode without moving it: what sequences of actions lead to, and the best of many.
//
// Shapes: N sequences, T ticks, s stride, A action size, P proprioception, Q numbers of a state.
import {
  type EnvSpec,
  floatTensor,
  type Planned,
  type PlanSearch,
  type Predicted,
  scale,
  throwIfStopped,
} from "@worldstep/protocols";
import type { Episode } from "./episode.js";
import { probability, readerOf } from "./reading.js";
import { search } from "./search.js";
import type { WorldModel } from "./world-model.js";

/**
 * Forks that are stepped at a time: each keeps a session's memory, and another session waits behind all of them, for each of its
 * runs. More gain little (docs/performance.md).
 */
const MOST_FORKS = 4;

/** `actions` of `shape` `[N, T, s, A]`. */
export async function predictedFrom(
  model: WorldModel,
  episode: Episode,
  actions: Float32Array,
  [N = 0, T = 0]: readonly number[],
): Promise<Predicted> {
  const { states, scores } = await model.predict(episode, actions, T);
  const [rows, Q] = [N * T, episode.state.length];
  const tasks = scores.length / rows / 2;
  const shown = new Float32Array(states.length);
  for (let q = 0; q < Q; q++) {
    const read = readerOf(model.manifest.state, q);
    for (let at = q; at < shown.length; at += Q) shown[at] = read(states[at] as number);
  }
  const [rewards, successes] = [new Float32Array(rows * tasks), new Float32Array(rows * tasks)];
  for (let row = 0; row < rows; row++) {
    for (let task = 0; task < tasks; task++) {
      rewards[row * tasks + task] = scores[2 * row * tasks + task] as number;
      successes[row * tasks + task] = probability(scores[(2 * row + 1) * tasks + task] as number);
    }
  }
  return {
    states: floatTensor(shown, [N, T, Q]),
    rewards: floatTensor(rewards, [N, T, tasks]),
    successes: floatTensor(successes, [N, T, tasks]),
  };
}

/** The best plan that the search finds from `episode`. Throws `stopError` once `signal` is aborted: at the next tick that it tries. */
export async function planFrom(
  model: WorldModel,
  spec: EnvSpec,
  episode: Episode,
  asked: PlanSearch,
  signal?: AbortSignal,
): Promise<Planned> {
  const { horizon, over } = asked;
  const [s = 0, A = 0] = spec.actionSpace.shape;
  const worth = worthOf(model, asked);
  const follow = over === "state" ? inState : inForks;
  const found = await search(asked, begun(spec, episode, asked), A, spec.actionSpace, (candidates) =>
    follow(model, episode, blocks(candidates, s, A), asked, worth, signal),
  );
  return { actions: floatTensor(blocks([found.actions], s, A), [horizon, s, A]), plannedReturn: found.worth };
}

/** What `actions`, `[N, T, s, A]`, are worth in all from `episode`, `[N]`. */
type Follow = (
  model: WorldModel,
  episode: Episode,
  actions: Float32Array,
  asked: PlanSearch,
  worth: Worth,
  signal: AbortSignal | undefined,
) => Promise<Float64Array>;

const inState: Follow = async (model, episode, actions, { horizon }, worth, signal) => {
  const { states, scores } = await model.predict(episode, actions, horizon, signal);
  const Q = episode.state.length;
  const rows = states.length / Q;
  const returns = new Float64Array(rows / horizon);
  for (let row = 0; row < rows; row++) {
    const n = Math.floor(row / horizon);
    returns[n] = (returns[n] as number) + worth(states, row * Q, scores, (row * scores.length) / rows);
  }
  return returns;
};

const inForks: Follow = async (model, episode, actions, asked, worth, signal) => {
  const { samples } = asked;
  const size = actions.length / samples;
  const returns: number[] = [];
  for (let from = 0; from < samples; from += MOST_FORKS) {
    const forks = Array.from({ length: Math.min(MOST_FORKS, samples - from) }, (_, i) => {
      const own = actions.subarray((from + i) * size, (from + i + 1) * size);
      return dreamed(model, episode, own, asked, worth, signal);
    });
    returns.push(...(await allOf(forks)));
  }
  return Float64Array.from(returns);
};

// What all give, or the error of the first that fails; but when none of them runs any more.
async function allOf<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

async function dreamed(
  model: WorldModel,
  from: Episode,
  actions: Float32Array,
  { horizon, nfe }: PlanSearch,
  worth: Worth,
  signal: AbortSignal | undefined,
): Promise<number> {
  const size = actions.length / horizon;
  let [episode, sum] = [from, 0];
  for (let k = 0; k < horizon; k++) {
    throwIfStopped(signal);
    const block = actions.subarray(k * size, (k + 1) * size);
    for await (const moment of model.step(episode, [block], nfe, { frames: false })) {
      episode = moment.episode;
      sum += worth(episode.state, 0, moment.tick.reward, 0);
    }
  }
  return sum;
}

/** What a tick is worth to the plan: one whose normalised state begins at `state` of `states`, and its rewards at `reward` of `rewards`. */
type Worth = (states: Float32Array, state: number, rewards: Float32Array, reward: number) => number;

function worthOf(model: WorldModel, { objective }: PlanSearch): Worth {
  if ("task" in objective) return (_states, _state, rewards, reward) => rewards[reward + objective.task] as number;
  const { channels } = model.manifest.state;
  const goal = [...objective.goal].map(([at, value]) => ({ at, value, read: readerOf(model.manifest.state, at) }));
  const off = new Float64Array(goal.length);
  return (states, state) => {
    for (const [i, { at, value, read }] of goal.entries()) {
      off[i] = (read(states[state + at] as number) - value) / (channels[at]?.std ?? 1);
    }
    return -Math.hypot(...off) / Math.sqrt(off.length);
  };
}

// Where the search begins, `[T, A]`: the first row of each block of `begin`; else what holds still, which of a channel without such is to say
// the last action again.
function begun(spec: EnvSpec, { control }: Episode, { begin, horizon }: PlanSearch): Float32Array {
  const [s = 0, A = 0] = spec.actionSpace.shape;
  if (begin)
    return Float32Array.from(
      { length: horizon * A },
      (_, i) => begin.data[Math.floor(i / A) * s * A + (i % A)] as number,
    );
  const last = control.subarray((s - 1) * A, s * A);
  const idle = scale(
    spec,
    Float32Array.from(spec.action, ({ idle, low }) => idle ?? low),
  );
  const still = spec.action.map((channel, i) => (channel.idle === undefined ? last : idle)[i] as number);
  return Float32Array.from({ length: horizon * A }, (_, i) => still[i % A] as number);
}

// `[N, T, s, A]` of N times `[T, A]`: each action in all rows of its tick's block.
function blocks(sequences: readonly Float32Array[], s: number, A: number): Float32Array {
  const length = sequences[0]?.length ?? 0;
  const whole = new Float32Array(sequences.length * length * s);
  let at = 0;
  for (const actions of sequences) {
    for (let tick = 0; tick < length; tick += A) {
      for (let row = 0; row < s; row++) for (let a = 0; a < A; a++) whole[at++] = actions[tick + a] as number;
    }
  }
  return whole;
}
