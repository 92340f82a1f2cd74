"""Turns a LeRobot dataset (v2.0 to v3.0: Parquet, and MP4 or images) into the shards that the training scripts read:
python training/import_lerobot.py --dataset FOLDER --out data/NAME

Wants pyarrow, and PyAV (`av`) for videos or Pillow for images. docs/logs.md says what is read and how, and what a dataset
that isn't LeRobot's has to look like. What is left out or changed is said at the end, and in `import.json` beside the shards."""

import argparse
import json
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import pictures
from channels import asked_for, described, is_constant, ranged
from import_options import add_options
from lerobot import KNOWN, MOST_NAMES, Dataset
from report import Report
from rows import VECTORS
from shards import SHARD, SHORTEST, Shards
from windows import starts_of_windows, stretches

TICKS = 32  # of a window
HELD_OUT = 8  # every so many-th episode of a task comes last, where training takes what it holds out
GAP = 0.5  # of a step: two rows whose times are off by more do not follow each other


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", required=True, help="folder with meta/info.json")
    parser.add_argument("--out", required=True, help="folder for the shards, meta.json and import.json")
    add_options(parser)
    args = parser.parse_args()
    args.size, args.stride = 64 if args.size is None else args.size, 4 if args.stride is None else args.stride
    if args.size < 16 or args.size % 16:
        parser.error("--size must be a multiple of 16")
    if not 1 <= args.stride <= 64:
        parser.error("--stride must be 1 to 64")
    if args.ticks is not None and args.ticks < SHORTEST:
        parser.error(f"--ticks must be at least {SHORTEST}; where episodes are short, give a smaller --stride")
    args.columns = columns_given(args, parser)
    return args


def columns_given(args, parser):
    """Columns by LeRobot's names, as the options say."""
    said = [("action", args.action), ("observation.state", args.state)]
    for word in args.map or []:
        name, _, column = word.partition("=")
        name = next((known for known in KNOWN if name in (known, known.split(".")[-1])), name)
        if name not in KNOWN or not column:
            parser.error(f"--map {word}: give NAME=COLUMN, where NAME is one of {', '.join(KNOWN)}")
        said.append((name, column))
    return {name: [part.strip() for part in columns.split(",")] for name, columns in said if columns}


class Tries:
    """
    What the rows of a dataset are, before their pictures are looked at: which have all numbers, which lead to the row behind
    them, and which end a try. All `[R]`.
    """

    def __init__(self, dataset, report):
        rows = dataset.rows
        self.episode = rows["episode_index"].astype(int)
        self.scored = "next.reward" in rows or "next.success" in rows
        self.last = np.append(np.diff(self.episode) != 0, True)
        done = rows["next.done"] > 0 if "next.done" in rows else np.zeros(len(self.last), bool)
        self.ends = self.last | done
        within = int((done & ~self.last).sum())
        if within:
            report.note(f"next.done is set in {within} rows within episodes: what comes behind one is a try of its own")
        self.numbers = np.ones(len(self.last), bool)
        for name in VECTORS:
            if name in rows:
                finite = np.isfinite(rows[name])
                self.tell(name, dataset, finite, report)
                if name == "action":
                    self.moves = finite.all(1)
                else:
                    self.numbers &= finite.all(1)
        step = np.diff(rows["timestamp"], append=np.nan) * dataset.fps
        gap = ~self.ends & ~(np.abs(step - 1) <= GAP)
        for row in np.flatnonzero(gap):
            why = "the time to the next row is " + ("not one step" if np.isfinite(step[row]) else "unknown: timestamp is NaN or null")
            report.leave_out("steps", why, episode=int(self.episode[row]), row=self.inside(row), seconds=round(float(step[row] / dataset.fps), 4) if np.isfinite(step[row]) else None)
        self.moves &= ~gap

    def inside(self, row):
        """Which row of its episode a row is."""
        return int(row - np.searchsorted(self.episode, self.episode[row]))

    def tell(self, name, dataset, finite, report):
        """Of the numbers of `name` that are not `finite` `[R, n]`: where, a line for rows that follow each other and lack the same."""
        rows = np.flatnonzero(~finite.all(1))
        same = (np.diff(rows) == 1) & (np.diff(self.episode[rows]) == 0) & (finite[rows[1:]] == finite[rows[:-1]]).all(1)
        for run in np.split(rows, np.flatnonzero(~same) + 1) if len(rows) else []:
            wrong = np.flatnonzero(~finite[run[0]])
            what = "infinite" if np.isinf(dataset.rows[name][run[0], wrong]).any() else "NaN or null"
            channels = [dataset.names[name][i][0] for i in wrong[:3]] + ([f"and {len(wrong) - 3} more"] if len(wrong) > 3 else [])
            more = dict(rows=len(run)) if len(run) > 1 else {}
            report.leave_out("rows", f"{name} is {what}", episode=int(self.episode[run[0]]), row=self.inside(run[0]), **more, channel=", ".join(channels))


class Scores:
    """Rewards and success of ticks, by task: those of a row are its own task's, and of the others nothing is known."""

    def __init__(self, dataset, report):
        rows, count = dataset.rows, len(dataset.rows["episode_index"])
        index = rows.get("task_index", np.zeros(count))
        index = np.where(np.isfinite(index), index, -1).astype(int)
        known = dataset.tasks()
        texts = {number: known.get(number, "").strip() or f"task {number}" for number in np.unique(index[index >= 0])}
        if len(texts) == 1 and not known:
            texts = dict.fromkeys(texts, "task")
        if not {"next.reward", "next.success"} & set(rows) and len(texts) > 1:
            report.note(f"there are {len(texts)} task texts, and nothing says what is rewarded: the world gets one task for all")
            texts = dict.fromkeys(texts, "task")
        texts = {number: "task play" if text == "play" else text for number, text in texts.items()}  # play is every world's first
        self.names = list(dict.fromkeys(texts.values())) or ["task"]
        if len(self.names) >= MOST_NAMES:
            raise SystemExit(f"there are {len(self.names)} task texts, and a world takes {MOST_NAMES - 1}: give --map task_index=COLUMN of one that has fewer")
        places = {number: self.names.index(text) for number, text in texts.items()}
        self.of = np.array([places.get(number, -1) for number in index])
        self.reward, self.success = (rows.get(name, np.zeros(count)) for name in ("next.reward", "next.success"))
        for name in ("next.reward", "next.success"):
            if name not in rows:
                report.note(f"the dataset has no {name}: " + ("rewards are 0" if name == "next.reward" else "nothing succeeds, and no episode of the world ends by itself"))
            elif not np.isfinite(rows[name]).all():
                report.note(f"{name} is null or NaN in {int((~np.isfinite(rows[name])).sum())} rows: unknown there")
        lost = np.isfinite(self.reward) & ~np.isfinite(self.success)
        if lost.any():
            report.leave_out("rewards", "next.success is unknown in their row", rows=int(lost.sum()))

    def block(self, rows):
        """rows `[T, s]` -> rewards `[T, tasks]` float32, NaN where nothing is known, and success `[T, tasks]` uint8."""
        mine = self.of[rows][..., None] == np.arange(len(self.names))  # [T, s, tasks]
        reward, success = self.reward[rows][..., None], self.success[rows][..., None]
        told = (mine & np.isfinite(reward)).any(1)
        rewards = np.where(mine & np.isfinite(reward), reward, 0).sum(1)
        succeeded = (mine & (success > 0)).any(1)
        told &= succeeded | (mine & np.isfinite(success)).any(1)
        return np.where(told, rewards, np.nan).astype(np.float32), succeeded.astype(np.uint8)


class Cut:
    """How windows are cut: `ticks` each, `length` rows; and `used` `[R]`, which rows' actions are in one."""

    def __init__(self, args, dataset, tries, report):
        self.tries, self.report, self.used = tries, report, np.zeros(len(tries.episode), bool)
        spans = dataset.spans.values()
        steps = np.array([steps for span in spans for _, steps in self._stretches(span, np.ones(span.stop - span.start, bool))] or [0])
        self.ticks = args.ticks or TICKS
        if args.ticks is None and steps.max() < TICKS * args.stride:  # the number that leaves least out
            self.ticks = max(range(SHORTEST, TICKS), key=lambda ticks: (steps[steps >= ticks * args.stride].sum(), ticks))
            report.note(f"windows have {self.ticks} ticks: no {TICKS * args.stride + 1} rows follow each other")
        self.length = self.ticks * args.stride
        if steps.max() < self.length:
            most, least = int(steps.max()), args.ticks or SHORTEST
            why = f"no {least * args.stride} steps follow each other, {most} do: "
            ways = [f"fewer --ticks (at least {SHORTEST})"] * (most >= SHORTEST * args.stride) + ["a smaller --stride"] * (most >= least)
            if not ways and most >= SHORTEST:
                ways = [f"--ticks {SHORTEST}, and a smaller --stride"]
            why += "give " + ", or ".join(ways) if ways else f"a window wants {SHORTEST} at least"
            raise SystemExit("\n".join([why, *report.left_out()]))

    def _stretches(self, span, there):
        tries = self.tries
        return stretches(there & tries.numbers[span], tries.moves[span], tries.ends[span], tries.scored)

    def windows(self, number, span, there):
        """The actions' rows of each window of an episode, whose rows are those of `span`; there `[R]`: which have their frame."""
        found = []
        for first, steps in self._stretches(span, there):
            starts = starts_of_windows(steps, self.length)
            if not starts:
                why = f"fewer than {self.length + 1} follow each other, as a window wants"
                rows = steps if steps and self.tries.ends[span.start + first + steps - 1] else steps + 1
                self.report.leave_out("rows", why, episode=number, row=first, rows=rows)
            found += [span.start + first + start + np.arange(self.length) for start in starts]
        for rows in found:
            self.used[rows] = True
        return found


def clipped(dataset, name, report):
    """The numbers of a state, glitches brought back into the range of all others, as float32."""
    values, names = dataset.rows[name], dataset.names[name]
    low, high, outside = ranged(values, dataset.fps)
    for (channel, _), a, b, count in zip(names, low, high, outside):
        if count:
            report.note(f"{name} {channel}: {count} of {len(values)} numbers lie outside {a:.6g} to {b:.6g} and are clipped")
        if is_constant(a, b):
            report.note(f"{name} {channel} is {a:.6g} in every row")
    return values.clip(low, high).astype(np.float32)


def want(package, called=None):
    if find_spec(package) is None:
        raise SystemExit(f"pip install {called or package}: it reads this dataset")


def with_units(names):
    return [f"{name} ({unit})" if unit else name for name, unit in names]


def tell(channels, reasons):
    for channel, reason in zip(channels, reasons):
        unit = f" {channel['unit']}" if "unit" in channel else ""
        idle = f", idle {channel['idle']:g}" if "idle" in channel else ""
        print(f"action {channel['name']}: {channel['kind']} ({reason['why']}), {channel['low']:.6g} to {channel['high']:.6g}{unit}{idle}")


def main():
    args = parse()
    want("pyarrow")
    report = Report()
    dataset = Dataset(args.dataset, report, args.camera, args.columns, args.fps)
    want("av") if dataset.features.get(dataset.camera, {}).get("dtype") == "video" else want("PIL", "pillow")
    tries, scores = Tries(dataset, report), Scores(dataset, report)
    names = dataset.names["action"]
    asked = asked_for(args.kind, args.channels, [name for name, _ in names])
    states = {name: clipped(dataset, name, report) for name in VECTORS[1:] if name in dataset.rows}
    state, environment = states["observation.state"], states.get("observation.environment_state")
    channels, reasons, action = described(names, dataset.rows["action"], state, tries.episode, dataset.booleans, dataset.fps, asked, report)

    cut = Cut(args, dataset, tries, report)
    shards = Shards(args.out)
    begun = time.time()
    order = {}  # of each task: how many of its episodes came before
    for done, (number, frames, there) in enumerate(pictures.episodes(dataset, args.size, report), 1):
        span = dataset.spans[number]
        place = order[scores.of[span.start]] = order.get(scores.of[span.start], -1) + 1
        for acts in cut.windows(number, span, there):
            sees = np.append(acts, acts[-1] if tries.ends[acts[-1]] else acts[-1] + 1)
            rewards, success = scores.block(acts.reshape(cut.ticks, args.stride))
            window = dict(
                frames=frames[sees - span.start],
                actions=action[acts].reshape(cut.ticks, args.stride, -1),
                proprioception=state[sees],
                rewards=rewards,
                success=success,
                task=np.int32(1 + scores.of[acts[0]]),
                policy=np.int32(0),
                seed=np.int32(shards.written),
                recording=np.int32(number),
            )
            if environment is not None:
                window["environmentState"] = environment[sees]
            shards.add(window, held_out=place % HELD_OUT == HELD_OUT - 1)
        left = (time.time() - begun) / done * (len(dataset.spans) - done)
        print(f"\repisode {number}, {done}/{len(dataset.spans)}, {shards.written} windows, {left / 60:.1f} min left ", end="", flush=True)
    shards.finish()
    print()
    lost = tries.scored & ~cut.used & ((np.nan_to_num(scores.reward) != 0) | (scores.success > 0))
    for row in np.flatnonzero(lost):
        report.leave_out("rewards", "their row is in no window", episode=int(tries.episode[row]), row=tries.inside(row))
    if tries.scored:
        report.note("the last frame of a try stands for what its last action led to, which was not recorded: so its reward and success count")
    if not shards.written:
        raise SystemExit("\n".join([f"nothing is left: no {cut.length + 1} rows with all they need follow each other", *report.left_out()]))
    if shards.written < 4:
        report.note(f"training wants 4 windows at least, and these are {shards.written}")
    box = lambda dtype, shape, low, high: dict(type="box", dtype=dtype, shape=shape, low=low, high=high)  # noqa: E731
    least, most = float(np.nanmin(state)), float(np.nanmax(state))
    if is_constant(least, most):
        least, most = least - 1, most + 1
    spaces = dict(frames=box("uint8", [args.stride, args.size, args.size, 3], 0, 255), proprioception=box("float32", [state.shape[1]], least, most))
    meta = dict(
        formatVersion=3,
        episodes=shards.written,
        size=args.size,
        fps=dataset.fps,
        stride=args.stride,
        shardEpisodes=SHARD,
        ticks=cut.ticks,
        actionSpace=box("float32", [args.stride, len(channels)], -1, 1),
        observationSpace=dict(type="dict", spaces=spaces),
        action=channels,
        proprioception=with_units(dataset.names["observation.state"]),
        tasks=["play", *scores.names],
        rewardTasks=scores.names,
        policies=["logged"],
    )
    if environment is not None:
        meta["environmentState"] = with_units(dataset.names["observation.environment_state"])
    (shards.folder / "meta.json").write_text(json.dumps(meta, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    report.write(
        shards.folder / "import.json",
        dataset=str(Path(args.dataset).resolve()),
        version=dataset.said_version,
        fps=dataset.fps,
        camera=dataset.camera,
        columns=dataset.columns,
        episodes=dict(read=len(dataset.spans), used=len(np.unique(tries.episode[cut.used]))),
        rows=dict(read=len(tries.episode), used=int(cut.used.sum())),
        windows=shards.written,
        ticks=cut.ticks,
        tasks=scores.names,
        action=reasons,
    )
    tell(channels, reasons)
    print("\n".join(report.lines()))
    used = np.unique(tries.episode[cut.used])
    print(f"wrote {args.out}: {shards.written} windows of {cut.ticks} ticks, of {len(used)} of {len(dataset.spans)} episodes; import.json says the same")


if __name__ == "__main__":
    main()
