"""Episodes from shards, and batches of clips."""

import gzip
import itertools
import json
from pathlib import Path

import numpy as np
import torch

from shards import SHORTEST, parse_safetensors


def read_meta(folder):
    """What meta.json says of a folder of shards."""
    path = Path(folder) / "meta.json"
    if not path.exists():
        make = f"run `npm run generate -- --episodes 3200 --seed 1 --out {folder}` first, or see docs/logs.md"
        raise SystemExit(f"{folder} holds no logs, neither shards nor a LeRobot dataset: {make}")
    return json.loads(path.read_text(encoding="utf-8"))


class Episodes:
    """
    All episodes of a folder in memory: frames `[E, F, H, W, 3]` uint8, actions `[E, T, s, A]`, proprioception
    `[E, F, P]`, environmentState `[E, F, S]`, the two as one state `[E, F, Q]`, rewards, NaN where the logs do not tell
    of a task (nor of its success), and success `[E, T, tasks]`; F = 1 + s T. About the last `held_out` episodes (a quarter of few) are for validation; none, and anything can be trained
    beside. `names` and `alike`, `mirror` and `gaps` are what the functions `state_names`, `mirror` and `gaps` say.
    """

    FIELDS = ("frames", "actions", "proprioception", "rewards", "success", "environmentState", "task", "policy", "recording")

    def __init__(self, folder, held_out=32, limit=None):
        self.meta = read_meta(folder)
        self.names, self.alike = state_names(self.meta)
        self.mirror = mirror(self.meta, self.names)
        self.gaps = gaps(self.names, self.meta["proprioception"])
        paths = sorted(Path(folder).glob("shard-*.safetensors.gz"))
        paths = paths[-limit:] if limit else paths  # the last, so that those held out are the same with a limit
        if not paths:
            raise SystemExit(f"{folder} holds no shard-*.safetensors.gz: what writes them has not come that far")
        arrays, count = {}, 0
        for i, path in enumerate(paths):
            shard = parse_safetensors(gzip.decompress(path.read_bytes()))[0]
            if i == 0:  # not all logs have all fields; what is never written to takes no memory
                rows = len(paths) * self.meta["shardEpisodes"]
                arrays = {name: np.empty((rows, *shard[name].shape[1:]), shard[name].dtype) for name in self.FIELDS if name in shard}
            of = slice(count, count + len(shard["frames"]))
            for name in arrays:
                arrays[name][of] = shard[name]
            count = of.stop
            print(f"\rreading shard {i + 1}/{len(paths)}", end="", flush=True)
        print()
        arrays = {name: array[:count] for name, array in arrays.items()}
        for name in ("actions", "proprioception", "environmentState"):
            wrong = np.argwhere(~np.isfinite(arrays[name])) if name in arrays else ()
            if len(wrong):
                raise SystemExit(f"{folder} can't be learnt from: {name} at {wrong[0].tolist()} is {arrays[name][tuple(wrong[0])]}")
        # What is to be read from a frame: the robot's pose, and the environment's state where the logs have it.
        known = [arrays[name] for name in ("proprioception", "environmentState") if name in arrays]
        arrays["state"] = np.concatenate(known, -1)
        recordings, end = arrays.pop("recording", np.arange(count)), count
        if held_out:
            if count < 4 or arrays["actions"].shape[1] < SHORTEST:
                raise SystemExit(f"{folder} has {count} episodes of {arrays['actions'].shape[1]} ticks: at least 4 of {SHORTEST} are needed")
            end = border(recordings, held_out)
        self.train = {name: array[:end] for name, array in arrays.items()}
        self.held_out = {name: array[end:] for name, array in arrays.items()}
        self.stride = self.meta["stride"]

    def normal(self):
        """The mean and the standard deviation of the states, `[2, Q]`, of all but the most extreme."""
        states = self.train["state"].reshape(-1, self.train["state"].shape[-1])[::7]
        states = states.clip(*np.quantile(states, [0.001, 0.999], 0))  # a cube that fell off the table stretches no scale
        mean, std = states.mean(0), states.std(0)
        moves = std > 1e-6 * np.abs(mean)  # else its deviation is none, or what is left of rounding
        return torch.from_numpy(np.stack([mean, np.where(moves, std, 1)])).float()

    def ticks(self, frames):
        """Frames `[F, H, W, 3]` of a stream -> `[T + 1, s, H, W, 3]`: the first frame alone fills tick 0."""
        first = np.repeat(frames[:1], self.stride, 0)[None]
        rest = frames[1 : 1 + (len(frames) - 1) // self.stride * self.stride]
        return np.concatenate([first, rest.reshape(-1, self.stride, *frames.shape[1:])])


def border(recordings, held_out):
    """
    Where to cut episodes of `recordings` `[E]` so that about the last `held_out`, or a quarter of few, are behind. The last two
    of a recording may share frames: each is on one side, unless it is most of what there is.
    """
    count = len(recordings)
    end = count - min(held_out, count // 4)
    borders = np.flatnonzero(np.diff(recordings)) + 1
    borders = borders[borders >= count // 2]
    return borders[np.abs(borders - end).argmin()] if len(borders) else min(end, count - 2)


def thing_of(name):
    """Whose number has that name: its first word."""
    return name.split(" ")[0]


def state_names(meta):
    """The names of a state's numbers, and of the things among them that are alike but for their looks: `alike` of meta.json."""
    robots, objects, alike = meta["proprioception"], meta.get("environmentState", []), meta.get("alike", [])
    numbers = [[name[len(thing) :] for name in objects if thing_of(name) == thing] for thing in alike]
    known = all(of and of == numbers[0] for of in numbers) and len(set(alike)) == len(alike)
    if not known or any(thing_of(name) in alike for name in robots):
        raise SystemExit(f"meta.json says that {alike} are alike: each must begin the same names of the environment's state, in the same order")
    return robots + objects, alike


def mirror(meta, names):
    """
    What a mirror does to an action's and to a state's numbers, `[A]` and `[Q]`: -1 for what `mirrored` of meta.json
    names, else 1. The logs say by that that the scene has a side that is the other's mirror image; else all are 1.
    """
    mirrored = meta.get("mirrored", [])
    actions = [channel["name"] for channel in meta["action"]]
    unknown = set(mirrored) - {*actions, *names}
    if unknown:
        raise SystemExit(f"meta.json says that {sorted(unknown)} are mirrored: neither an action nor a state has such numbers")
    return tuple(torch.tensor([-1.0 if name in mirrored else 1.0 for name in of]) for of in (actions, names))


def gaps(names, robots):
    """
    What touches what depends on: the pairs of a state's numbers `(i, j)` that are the same coordinate of the robot and of
    a thing, or of two things, and the robot's coordinates alone, `(i,)`. A thing's coordinate has the name of the robot's
    (one of `robots`) behind the thing's own.
    """
    coordinates = [[i for i, name in enumerate(names) if name == robot or name.split(" ", 1)[-1] == robot] for robot in robots]
    return [gap for of in coordinates for gap in [(of[0],), *itertools.combinations(of, 2)]]


def exchanges(names, alike):
    """
    The orders of a state's numbers, `[O, Q]`, in which things that are alike change places. The names of a thing's numbers
    begin with its own. The first order leaves all where it is.
    """
    things, orders = [thing_of(name) for name in names], []
    for others in itertools.permutations(alike):
        other = dict(zip(alike, others))
        orders.append([names.index(other.get(thing, thing) + name[len(thing) :]) for thing, name in zip(things, names)])
    return torch.tensor(orders)


def views(names, alike):
    """
    The orders of a state's numbers, `[N][Q]`, one from where each of the alike things stands: first the numbers that are
    nobody's, then its own, then those of the others, the next first. Where no two are alike, the one order there is.
    """
    if len(alike) < 2:
        return [list(range(len(names)))]
    shared = [i for i, name in enumerate(names) if thing_of(name) not in alike]
    own = [[i for i, name in enumerate(names) if thing_of(name) == thing] for thing in alike]
    return [shared + sum(own[n:] + own[:n], []) for n in range(len(own))]


def frame_clips(sources, rng, batch, ticks):
    """
    Random clips of frames, `[batch, ticks, s, H, W, 3]` uint8, the states before the first tick and at the last frame of
    each, `[batch, ticks + 1, Q]`, and some other frame of each one's episode, `[batch, H, W, 3]`; one clip in eight starts a
    stream. As many are from each of the `sources` (`Episodes`).
    """
    s = sources[0].stride
    clips, read, others = np.empty((batch, ticks, s, *sources[0].train["frames"].shape[2:]), np.uint8), [], []
    for i in range(batch):
        episodes = sources[i % len(sources)]
        frames, states = episodes.train["frames"], episodes.train["state"]
        e = rng.integers(len(frames))
        episode = frames[e]
        if rng.random() < 1 / 8:
            start = rng.integers(len(episode) - (ticks - 1) * s)
            clips[i] = episodes.ticks(episode[start : start + 1 + (ticks - 1) * s])
            at = np.concatenate([[start], np.arange(start, start + 1 + (ticks - 1) * s, s)])
        else:
            start = rng.integers(1, len(episode) - ticks * s + 1)
            clips[i] = episode[start : start + ticks * s].reshape(clips[i].shape)
            at = np.arange(start - 1, start + ticks * s, s)
        read.append(states[e, at])
        others.append(episode[rng.integers(len(episode))])
    return torch.from_numpy(clips), *(torch.from_numpy(np.stack(x)) for x in (read, others))


def moments(sources, rng, count):
    """
    Random frames `[count, H, W, 3]` uint8, their states `[count, Q]`, and some other frame of each one's episode, of the
    same shape: an equal share of each of the `sources` (`Episodes`).
    """
    share, found = count // len(sources), []
    for source in sources:
        of = source.train["frames"]
        e, at, other = (rng.integers(n, size=share) for n in (len(of), of.shape[1], of.shape[1]))
        found.append((of[e, at], source.train["state"][e, at], of[e, other]))
    return tuple(torch.from_numpy(np.concatenate(x)) for x in zip(*found))


def normalised(state, normal):
    """States `[.., Q]` by their mean and standard deviation, `[2, Q]`, and no further off than five of these."""
    return ((state - normal[0]) / normal[1]).clamp(-5, 5)


def known(rewards):
    """
    Rewards `[..]` with 0 where they are unknown (NaN), and the function that makes the mean of errors of the same shape, and
    leaves out what is unknown; of success as well, which is unknown where its reward is.
    """
    told = rewards.isfinite()
    count = told.sum().clamp(min=1)
    return torch.where(told, rewards, torch.zeros_like(rewards)), lambda errors: torch.where(told, errors, torch.zeros_like(errors)).sum() / count
