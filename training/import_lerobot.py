"""Turns a LeRobot dataset (v3.0: Parquet, and MP4 or images) into the shards that the training scripts read:
python training/import_lerobot.py --dataset FOLDER --out data/NAME

Wants pyarrow, and PyAV (`av`) for videos or Pillow for images. Frames become squares, whatever their shape: nothing is cut
off. Episodes are cut into windows of equal length. Actions become numbers in [-1, 1] by their extremes, whatever they mean;
`observation.state` is the proprioception, and `observation.environment_state`, where there is one, the environment's state.
A tick's reward is the sum of `next.reward` over its frames, its success any `next.success`; a dataset without them gets
zeros."""

import argparse
import gzip
import io
import json
from pathlib import Path

import numpy as np

from data import SHORTEST, write_safetensors

SHARD = 16  # windows


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", required=True, help="folder with meta/info.json")
    parser.add_argument("--out", required=True, help="folder for the shards and meta.json")
    parser.add_argument("--camera", help="which of the dataset's cameras; default the only one")
    parser.add_argument("--size", type=int, default=64, help="pixels along each side of a frame: a multiple of 16")
    parser.add_argument("--stride", type=int, default=4, help="frames of a tick")
    parser.add_argument("--ticks", type=int, default=32, help="ticks of a window; shorter episodes are left out")
    args = parser.parse_args()
    if args.size % 16:
        parser.error("--size must be a multiple of 16")
    if args.ticks < SHORTEST:
        parser.error(f"--ticks must be at least {SHORTEST}; where episodes are short, give a smaller --stride")
    return args


class Dataset:
    """The tables of a LeRobot dataset, and its frames."""

    def __init__(self, folder, camera):
        self.folder = Path(folder)
        path = self.folder / "meta" / "info.json"
        if not path.exists():
            raise SystemExit(f"{path} is not there: give the folder of a LeRobot dataset")
        self.info = json.loads(path.read_text())
        version = str(self.info.get("codebase_version"))
        if not version.startswith("v3"):
            raise SystemExit(f"the dataset has version {version}: convert it to v3.0 with LeRobot's own script")
        self.features = self.info["features"]
        cameras = [name for name, feature in self.features.items() if feature["dtype"] in ("video", "image")]
        if camera is None and len(cameras) != 1:
            raise SystemExit(f"choose one with --camera: {', '.join(cameras)}" if cameras else "the dataset has no camera")
        self.camera = camera or cameras[0]
        if self.camera not in cameras:
            raise SystemExit(f"there is no camera {self.camera}: choose among {', '.join(cameras)}")
        for name in ("action", "observation.state"):
            if name not in self.features:
                raise SystemExit(f"the dataset has no {name}")
        self.rows = self.table("data").sort_by([("episode_index", "ascending"), ("frame_index", "ascending")])

    def table(self, folder):
        """All Parquet files below a folder, in order, as one table."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        paths = sorted((self.folder / folder).rglob("*.parquet"))
        if not paths:
            raise SystemExit(f"{self.folder / folder} holds no Parquet files")
        return pa.concat_tables([pq.read_table(path) for path in paths], promote_options="default")

    def numbers(self, name):
        """The numbers `[F, n]` float32 of a feature at each frame; None where the dataset has no such feature."""
        if name not in self.rows.column_names:
            return None
        return np.stack([np.asarray(x, np.float32).reshape(-1) for x in self.rows[name].to_pylist()])

    def names(self, feature, count):
        """The names of a feature's numbers: LeRobot has them as a list, as lists by kind, with their places, or not at all."""
        names = self.features[feature].get("names")
        if isinstance(names, dict) and all(isinstance(place, int) for place in names.values()):
            names = sorted(names, key=names.get)
        elif isinstance(names, dict):
            names = [name for part in names.values() for name in part]
        return [str(name) for name in names] if names and len(names) == count else [f"{feature} {i}" for i in range(count)]

    def frames(self, size):
        """Yields each episode's index and its frames `[F, size, size, 3]` uint8, in the order of the files."""
        if self.features[self.camera]["dtype"] == "image":
            yield from self.images(size)
            return
        import av

        key, files = f"videos/{self.camera}", {}
        for row in self.table("meta/episodes").to_pylist():
            files.setdefault((row[f"{key}/chunk_index"], row[f"{key}/file_index"]), []).append(row)
        for (chunk, file), there in sorted(files.items()):
            path = self.folder / self.info["video_path"].format(video_key=self.camera, chunk_index=chunk, file_index=file)
            there.sort(key=lambda row: row[f"{key}/from_timestamp"])
            with av.open(str(path)) as container:
                decoded = (x.reformat(size, size, "rgb24", interpolation="AREA").to_ndarray() for x in container.decode(video=0))
                for row in there:  # an episode's frames follow those of the one before
                    frames = [frame for _, frame in zip(range(row["length"]), decoded)]
                    if len(frames) < row["length"]:
                        raise SystemExit(f"{path} ends within episode {row['episode_index']}")
                    yield row["episode_index"], np.stack(frames)

    def images(self, size):
        from PIL import Image

        cells = self.rows.select(["episode_index", self.camera])
        episode = np.asarray(cells["episode_index"])
        for number in np.unique(episode):
            frames = []
            for cell in cells.filter(episode == number)[self.camera].to_pylist():
                source = io.BytesIO(cell["bytes"]) if cell.get("bytes") else self.folder / cell["path"]
                frames.append(np.asarray(Image.open(source).convert("RGB").resize((size, size), Image.Resampling.BOX)))
            yield int(number), np.stack(frames)


class Shards:
    """Writes windows, `SHARD` to a file."""

    def __init__(self, folder):
        self.folder, self.waiting, self.written = Path(folder), [], 0
        self.folder.mkdir(parents=True, exist_ok=True)
        if (self.folder / "meta.json").exists():
            raise SystemExit(f"{folder} holds logs: give another --out, or delete it")
        for left in self.folder.glob("shard-[0-9]*.safetensors.gz"):  # of an import that was broken off
            left.unlink()

    def add(self, window):
        self.waiting.append(window)
        if len(self.waiting) == SHARD:
            self.flush()

    def flush(self):
        if not self.waiting:
            return
        plain = self.folder / "shard.tmp"
        write_safetensors(plain, {name: np.stack([window[name] for window in self.waiting]) for name in self.waiting[0]})
        path = self.folder / f"shard-{self.written // SHARD:05d}.safetensors.gz"
        path.write_bytes(gzip.compress(plain.read_bytes(), 4))
        plain.unlink()
        self.written, self.waiting = self.written + len(self.waiting), []


def starts_of_windows(usable, length):
    """Where windows of `length` steps begin in `usable` of them, so that none is left out: the last may overlap."""
    starts = list(range(0, usable - length + 1, length))
    if starts and starts[-1] + length < usable:
        starts.append(usable - length)
    return starts


def main():
    args = parse()
    dataset = Dataset(args.dataset, args.camera)
    logged = {name: dataset.numbers(name) for name in ("action", "observation.state", "observation.environment_state")}
    names = {name: dataset.names(name, numbers.shape[1]) for name, numbers in logged.items() if numbers is not None}
    action, state, environment = logged.values()
    nothing = np.zeros((len(action), 1), np.float32)
    reward, success = (x if x is not None else nothing for x in map(dataset.numbers, ("next.reward", "next.success")))
    low, high = action.min(0), action.max(0)
    action = (2 * (action - low) / np.where(high > low, high - low, 1) - 1).clip(-1, 1).astype(np.float32)
    episode = np.asarray(dataset.rows["episode_index"])

    shards, length, short, made = Shards(args.out), args.stride * args.ticks, 0, 0
    for number, frames in dataset.frames(args.size):
        rows = np.flatnonzero(episode == number)
        usable = min(len(rows), len(frames)) - 1  # what the last action led to was not recorded
        usable -= usable % args.stride
        starts = starts_of_windows(usable, length)
        short += not starts
        for start in starts:
            acts, sees = rows[start : start + length], rows[start : start + length + 1]
            by_tick = lambda x: x[acts].reshape(args.ticks, args.stride, -1)  # noqa: E731
            window = dict(
                frames=frames[start : start + length + 1],
                actions=by_tick(action),
                proprioception=state[sees],
                rewards=by_tick(reward).sum(1),
                success=by_tick(success > 0).any(1).astype(np.uint8),
                task=np.int32(1),
                policy=np.int32(0),
                seed=np.int32(made),
                recording=np.int32(number),
            )
            shards.add(window if environment is None else {**window, "environmentState": environment[sees]})
            made += 1
        print(f"\repisode {number}, {made} windows", end="", flush=True)
    shards.flush()
    print()
    if made == 0:
        raise SystemExit(f"no episode has {length + 1} frames: give fewer --ticks (at least {SHORTEST}), or a smaller --stride")
    if short:
        print(f"left out {short} episodes with fewer than {length + 1} frames")
    box = lambda dtype, shape, low, high: dict(type="box", dtype=dtype, shape=shape, low=low, high=high)  # noqa: E731
    spaces = dict(
        frames=box("uint8", [args.stride, args.size, args.size, 3], 0, 255),
        proprioception=box("float32", [state.shape[1]], float(state.min()), float(state.max())),
    )
    meta = dict(
        formatVersion=3,
        episodes=made,
        size=args.size,
        fps=dataset.info["fps"],
        stride=args.stride,
        shardEpisodes=SHARD,
        ticks=args.ticks,
        actionSpace=box("float32", [args.stride, len(low)], -1, 1),
        observationSpace=dict(type="dict", spaces=spaces),
        action=[dict(name=name, low=float(a), high=float(b), kind="absolute") for name, a, b in zip(names["action"], low, high)],
        proprioception=names["observation.state"],
        tasks=["play", "task"],
        rewardTasks=["task"],
        policies=["logged"],
    )
    if environment is not None:
        meta["environmentState"] = names["observation.environment_state"]
    (shards.folder / "meta.json").write_text(json.dumps(meta, indent=2) + "\n")
    print(f"wrote {args.out}: {made} windows of {args.ticks} ticks")


if __name__ == "__main__":
    main()
