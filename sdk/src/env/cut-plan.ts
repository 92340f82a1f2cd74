// A plan of actions cut into chunks by what the actions do, so that what belongs together is denoised jointly.
import { type ActionLike, type EnvSpec, type FloatTensor, toAction } from "@worldstep/protocols";

/** Of the range of the whole plan: how far a chunk may move before it is cut. */
const REACH = 0.5;

/**
 * `plan` in pieces of 1 to `spec.chunk` ticks for `stepChunk`, in order (the rule of LongScape, arXiv 2509.21790, with
 * ticks for its latents): a tick in which the gripper turns from opening to closing or back is a chunk of its own; any
 * other chunk grows until some channel of the pose has moved by more than half of its range over the plan.
 *
 * What a channel is, its `kind` says. Throws `ActionError` as `step` does.
 */
export function cutPlan(spec: EnvSpec, plan: readonly ActionLike[]): FloatTensor[][] {
  const actions = plan.map((action) => toAction(spec.actionSpace, action));
  const paths = posePaths(spec, actions);
  const spans = paths.map((path) => span(path, 0, actions.length));
  const alone = gripperTurns(spec, actions);
  const chunks: FloatTensor[][] = [];
  let start = 0;
  for (const k of actions.keys()) {
    const moved = paths.some((path, i) => span(path, start, k + 1) > REACH * (spans[i] as number));
    const full = k + 1 - start === (spec.chunk ?? 1);
    if (!moved && !full && !alone[k] && !alone[k + 1] && k + 1 < actions.length) continue;
    chunks.push(actions.slice(start, k + 1));
    start = k + 1;
  }
  return chunks;
}

/** For each channel of the pose, the values of each tick's control steps. */
function posePaths({ action: channels }: EnvSpec, actions: readonly FloatTensor[]): number[][][] {
  return channels.flatMap(({ kind }, channel) => {
    if (kind !== "delta" && kind !== "absolute") return [];
    let at = 0;
    return [
      actions.map((action) =>
        column(action, channel, channels.length).map((value) => {
          at = kind === "delta" ? at + value : value;
          return at;
        }),
      ),
    ];
  });
}

/** For each tick, whether a channel that opens and closes, or is one thing or another, changes its sign in it. */
function gripperTurns({ action: { length }, action }: EnvSpec, actions: readonly FloatTensor[]): boolean[] {
  const channels = action.flatMap(({ kind }, channel) => (kind === "gripper" || kind === "flag" ? [channel] : []));
  const last = new Map<number, number>();
  return actions.map((action) => {
    let turned = false;
    for (const channel of channels) {
      for (const value of column(action, channel, length)) {
        const [sign, before] = [Math.sign(value), last.get(channel) ?? 0];
        if (sign * before < 0) turned = true;
        if (sign !== 0) last.set(channel, sign);
      }
    }
    return turned;
  });
}

function column({ data }: FloatTensor, channel: number, channels: number): number[] {
  return Array.from({ length: data.length / channels }, (_, row) => data[row * channels + channel] as number);
}

function span(path: readonly (readonly number[])[], from: number, to: number): number {
  const values = path.slice(from, to).flat();
  return Math.max(...values) - Math.min(...values);
}
