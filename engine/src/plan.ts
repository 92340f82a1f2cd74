// Looking ahead from an episode without moving it: what sequences of actions lead to, and the best of many.
//
// Shapes: N sequences, T ticks, s stride, A action size, P proprioception, Q numbers of a state.
import { type EnvSpec, floatTensor, type Planned, type PlanSearch, type Predicted, scale } from "@worldstep/protocols";
import { search } from "./search.js";
import type { Episode, Reading, WorldModel } from "./world-model.js";

/** Forks that are stepped at a time: each keeps a session's memory. */
const MOST_FORKS = 64;

/** `actions` of `shape` `[N, T, s, A]`. */
export async function predictedFrom(
  model: WorldModel,
  episode: Episode,
  actions: Float32Array,
  [N = 0, T = 0]: readonly number[],
): Promise<Predicted> {
  const rows = await model.predict(episode, actions, T);
  const table = (parts: (row: Reading) => readonly Float32Array[]) => {
    const width = rows[0] ? parts(rows[0]).reduce((sum, { length }) => sum + length, 0) : 0;
    const data = new Float32Array(rows.length * width);
    let at = 0;
    for (const part of rows.flatMap(parts)) {
      data.set(part, at);
      at += part.length;
    }
    return floatTensor(data, [N, T, width]);
  };
  return {
    states: table((row) => [row.proprioception, row.environmentState]),
    rewards: table((row) => [row.reward]),
    successes: table((row) => [row.success]),
  };
}

/** The best plan that the search finds from `episode`. */
export async function planFrom(
  model: WorldModel,
  spec: EnvSpec,
  episode: Episode,
  asked: PlanSearch,
): Promise<Planned> {
  const { horizon, over } = asked;
  const [s = 0, A = 0] = spec.actionSpace.shape;
  const worth = worthOf(model, asked);
  const block = (actions: Float32Array, k: number) => repeated(actions.subarray(k * A, (k + 1) * A), s);
  const sums = (rows: readonly Reading[], count: number) =>
    Float64Array.from({ length: count }, (_, n) => {
      return rows.slice(n * horizon, (n + 1) * horizon).reduce((sum, row) => sum + worth(row), 0);
    });
  const evaluate =
    over === "state"
      ? async (candidates: readonly Float32Array[]) => {
          const size = s * A;
          const all = new Float32Array(candidates.length * horizon * size);
          for (const [n, actions] of candidates.entries()) {
            for (let k = 0; k < horizon; k++) all.set(block(actions, k), (n * horizon + k) * size);
          }
          return sums(await model.predict(episode, all, horizon), candidates.length);
        }
      : async (candidates: readonly Float32Array[]) => {
          const rows: Reading[] = [];
          for (let from = 0; from < candidates.length; from += MOST_FORKS) {
            const some = candidates.slice(from, from + MOST_FORKS);
            const played = some.map((actions) =>
              dreamed(
                model,
                episode,
                Array.from({ length: horizon }, (_, k) => block(actions, k)),
                spec.nfe?.default ?? 1,
              ),
            );
            rows.push(...(await Promise.all(played)).flat());
          }
          return sums(rows, candidates.length);
        };
  const found = await search(asked, begun(spec, episode, asked), A, spec.actionSpace, evaluate);
  const data = new Float32Array(horizon * s * A);
  for (let k = 0; k < horizon; k++) data.set(block(found.actions, k), k * s * A);
  return { actions: floatTensor(data, [horizon, s, A]), plannedReturn: found.worth };
}

async function dreamed(
  model: WorldModel,
  from: Episode,
  blocks: readonly Float32Array[],
  nfe: number,
): Promise<Reading[]> {
  const rows: Reading[] = [];
  let episode = from;
  for (const block of blocks) {
    for await (const moment of model.step(episode, [block], nfe, { frames: false })) {
      rows.push(moment.tick);
      episode = moment.episode;
    }
  }
  return rows;
}

/** What a tick is worth to the plan. */
function worthOf({ manifest }: WorldModel, { objective }: PlanSearch): (row: Reading) => number {
  if ("task" in objective) return ({ reward }) => reward[objective.task] as number;
  const { channels, proprioception } = manifest.state;
  const goal = [...objective.goal].map(([at, value]) => ({ at, value, std: channels[at]?.std ?? 1 }));
  return (row) => {
    const off = goal.map(({ at, value, std }) => {
      const x = at < proprioception ? row.proprioception[at] : row.environmentState[at - proprioception];
      return ((x as number) - value) / std;
    });
    return -Math.sqrt(off.reduce((sum, x) => sum + x * x, 0) / off.length);
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

// An action as a block: all of its rows.
function repeated(action: Float32Array, rows: number): Float32Array {
  const block = new Float32Array(rows * action.length);
  for (let at = 0; at < block.length; at += action.length) block.set(action, at);
  return block;
}
