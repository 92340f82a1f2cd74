// Looking ahead from an episode without moving it: what sequences of actions lead to, and the best of many.
//
// Shapes: N sequences, T ticks, s stride, A action size, P proprioception, Q numbers of a state.
import { type EnvSpec, floatTensor, type Planned, type PlanSearch, type Predicted, scale } from "@worldstep/protocols";
import { search } from "./search.js";
import type { Episode, Reading, WorldModel } from "./world-model.js";

/** Forks that are stepped at a time: each keeps a session's memory, and other sessions wait behind them. */
const MOST_FORKS = 16;

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
  const follow = over === "state" ? inState : inForks;
  const found = await search(asked, begun(spec, episode, asked), A, spec.actionSpace, async (candidates) => {
    const sequences = candidates.map((actions) => blocks(actions, s, A));
    const rows = await follow(model, episode, sequences, horizon);
    return Float64Array.from(candidates, (_, n) =>
      rows.slice(n * horizon, (n + 1) * horizon).reduce((sum, row) => sum + worth(row), 0),
    );
  });
  return { actions: floatTensor(blocks(found.actions, s, A), [horizon, s, A]), plannedReturn: found.worth };
}

/** What `sequences`, each `[T, s, A]`, lead to from `episode`: a row a tick, `[N T]`. */
type Follow = (
  model: WorldModel,
  episode: Episode,
  sequences: readonly Float32Array[],
  ticks: number,
) => Promise<readonly Reading[]>;

const inState: Follow = (model, episode, sequences, ticks) => {
  const size = sequences[0]?.length ?? 0;
  const actions = new Float32Array(sequences.length * size);
  for (const [n, sequence] of sequences.entries()) actions.set(sequence, n * size);
  return model.predict(episode, actions, ticks);
};

const inForks: Follow = async (model, episode, sequences, ticks) => {
  const rows: Reading[] = [];
  for (let from = 0; from < sequences.length; from += MOST_FORKS) {
    const some = sequences.slice(from, from + MOST_FORKS);
    rows.push(...(await Promise.all(some.map((actions) => dreamed(model, episode, actions, ticks)))).flat());
  }
  return rows;
};

async function dreamed(model: WorldModel, from: Episode, actions: Float32Array, ticks: number): Promise<Reading[]> {
  const [rows, size] = [[] as Reading[], actions.length / ticks];
  let episode = from;
  for (let k = 0; k < ticks; k++) {
    const block = actions.subarray(k * size, (k + 1) * size);
    for await (const moment of model.step(episode, [block], model.manifest.sampler.nfe.default, { frames: false })) {
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

// `[T, s, A]` of `[T, A]`: each action in all rows of its tick's block.
function blocks(actions: Float32Array, s: number, A: number): Float32Array {
  return Float32Array.from(
    { length: actions.length * s },
    (_, i) => actions[Math.floor(i / (s * A)) * A + (i % A)] as number,
  );
}
