"""What the experts came to mean: which one a tick goes to, by what happens in it.
python training/experts.py --data data/train --dynamics worlds/tabletop-nano --tokenizer worlds/tabletop-nano

Of the last episodes of a tabletop's logs. The router is asked as in a dream that is right: with the true latent and the
true state of the tick before. Prints a table of shares, and how much of what happens the choice tells: mutual
information over the entropy of what happens, 0 if nothing, 1 if all, with an interval of 95 % by resampling episodes."""

import argparse

import numpy as np
import torch

from data import Episodes, normalised
from dynamics import stream_controls
from world import load_dynamics, load_normal, load_tokenizer

PHASES = ("nothing moves", "free motion", "a cube moves", "carrying", "release")
CUBES = 3
MOVED, NEAR, LIFTED, OPENED = 0.002, 0.04, 0.035, 0.004  # m a tick; from the tip; height of a cube's middle; m a tick


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder of shards")
    parser.add_argument("--dynamics", required=True, help="a world, or output folder of train_dynamics.py")
    parser.add_argument("--tokenizer", required=True, help="a world, or output folder of train_tokenizer.py")
    parser.add_argument("--episodes", type=int, default=128, help="how many")
    return parser.parse_args()


def phases(states):
    """States `[E, T + 1, Q]` in metres, at the ends of ticks -> what each tick is, `[E, T]`: indices into PHASES."""
    tip, opening = states[..., :3], states[..., 4]
    cubes = states[..., 5 : 5 + 3 * CUBES].reshape(*states.shape[:2], CUBES, 3)
    moved = np.linalg.norm(np.diff(cubes, axis=1), axis=-1) > MOVED
    near = np.linalg.norm(cubes - tip[:, :, None], axis=-1) < NEAR
    carried = moved & near[:, 1:] & (cubes[:, 1:, :, 2] > LIFTED)
    held = np.concatenate([np.zeros_like(carried[:, :1]), carried[:, :-1]], 1).any(-1)
    released = held & (np.diff(opening, axis=1) > OPENED)
    free = (np.linalg.norm(np.diff(tip, axis=1), axis=-1) > MOVED) | (np.abs(np.diff(opening, axis=1)) > MOVED)
    order = [released, carried.any(-1), moved.any(-1), free]
    return np.select(order, [PHASES.index(name) for name in ("release", "carrying", "a cube moves", "free motion")], 0)


@torch.no_grad()
def choices(dynamics, tokenizer, episodes, normal):
    """-> the expert of each tick, `[E, T]`."""
    split, stride = episodes.held_out, episodes.stride
    chosen = []
    for frames, actions, state in zip(split["frames"], split["actions"], split["state"]):
        latents = tokenizer.latents(torch.from_numpy(episodes.ticks(frames)))
        known = normalised(torch.from_numpy(state[None, ::stride]).float(), normal)
        controls = stream_controls(torch.from_numpy(actions[None]), known)[0]
        _, features = dynamics.features(torch.cat([controls[1:], controls[:-1]], 1))
        chosen.append(dynamics.route(latents[:-1], features).argmax(-1).numpy())
    return np.stack(chosen)


def told(counts):
    """Mutual information of rows and columns of `counts` over the entropy of the rows."""
    p = counts / counts.sum()
    rows, columns = p.sum(1, keepdims=True), p.sum(0, keepdims=True)
    there = p > 0
    return (p[there] * np.log(p[there] / (rows * columns)[there])).sum() / -(rows[rows > 0] * np.log(rows[rows > 0])).sum()


def main():
    args = parse()
    episodes = Episodes(args.data, held_out=args.episodes, limit=-(-args.episodes // 4))
    dynamics, tokenizer = load_dynamics(args.dynamics), load_tokenizer(args.tokenizer)
    expert, phase = choices(dynamics, tokenizer, episodes, load_normal(args.tokenizer)), phases(episodes.held_out["state"][:, :: episodes.stride])
    each = np.zeros((len(phase), len(PHASES), dynamics.config["experts"]))  # of every episode, how often which goes with which
    np.add.at(each, (np.arange(len(phase))[:, None], phase, expert), 1)
    counts, rng = each.sum(0).astype(int), np.random.default_rng(0)
    low, high = np.quantile([told(each[rng.integers(len(each), size=len(each))].sum(0)) for _ in range(2000)], [0.025, 0.975])
    head = "".join(f" expert {e} |" for e in range(counts.shape[1]))
    print(f"| what happens | ticks |{head}\n| --- | --- |{' --- |' * counts.shape[1]}")
    for name, row in zip(PHASES, counts):
        print(f"| {name} | {row.sum()} |" + "".join(f" {share:.0%} |" for share in row / max(1, row.sum())))
    print(f"\nThe choice tells {told(counts):.1%} [{low:.1%}, {high:.1%}] of what happens.")


if __name__ == "__main__":
    main()
