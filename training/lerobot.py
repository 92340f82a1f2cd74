"""Reads a LeRobot dataset, v2.0 to v3.0, without LeRobot: `meta/info.json`, the rows of all Parquet files as numbers, and
where each episode's pictures are. What can't be read is left out and reported; SystemExit says where nothing can be."""

import fnmatch
import re
from pathlib import Path

import numpy as np

from clock import read_clock
from columns import fields, named, unique
from meta_files import broken, read_info, read_lines
from rows import VECTORS, Rows

# What of a row is used, by LeRobot's names, and by which other names it is known where nothing is said.
KNOWN = {
    "action": ("action", "actions"),
    "observation.state": ("observation.state", "state"),
    "observation.environment_state": ("observation.environment_state",),
    "next.reward": ("next.reward",),
    "next.success": ("next.success",),
    "next.done": ("next.done",),
    "task_index": ("task_index",),
    "timestamp": ("timestamp",),
    "frame_index": ("frame_index",),
    "episode_index": ("episode_index",),
}
MOST_NAMES = 4096  # of a world's action, proprioception, environment's state and tasks
WANTED = ("action", "observation.state")  # nothing can be made without
VIDEO = {
    2: "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4",
    3: "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
}


class Dataset:
    """
    `rows`, `place` and `spans` are those of `Rows`; `columns`: from which of them each name is read; `names`: of the numbers
    of the `VECTORS`, with their units; `camera`: whose pictures; `fps`; `episodes`: what meta says of each, by its number.
    """

    def __init__(self, folder, report, camera=None, columns=None, fps=None):
        self.folder, self.report = Path(folder), report
        self.info = read_info(self.folder)
        self.version = self._version()
        self.features = self.info.get("features")
        if not isinstance(self.features, dict):
            raise SystemExit(f"{self.folder / 'meta/info.json'} has no features: it must say which columns there are")
        self.features = {name: feature if isinstance(feature, dict) else {} for name, feature in self.features.items()}
        self.files = sorted((self.folder / "data").rglob("*.parquet"))
        if not self.files:
            raise SystemExit(f"{self.folder / 'data'} holds no Parquet files")
        schemas = self._schemas()
        self.camera = self._camera(camera, schemas)
        found = Rows(self.files, schemas, self._columns(columns or {}, schemas), {*WANTED, *(columns or {})}, self.features, report)
        self.rows, self.place, self.spans, self.columns = found.numbers, found.place, found.spans, found.columns
        self.names = {name: self._names(name, schemas, found) for name in VECTORS if name in self.rows}
        self.booleans = np.concatenate([[found.is_boolean(column)] * found.width(column) for column in self.columns["action"]])
        self.fps = read_clock(self.rows, self.info.get("fps"), fps, report)
        self.episodes = self._episodes()

    def _version(self):
        said = self.info.get("codebase_version")
        if said is None:
            said = "v3.0" if (self.folder / "meta/episodes").is_dir() else "v2.1"
            self.report.note(f"info.json has no codebase_version: read as {said}")
        found = re.match(r"v?([23])(\.|$)", str(said))
        if not found:
            raise SystemExit(f"the dataset has version {said}: v2.0, v2.1 and v3.0 can be read")
        self.said_version = str(said)
        return int(found[1])

    def _schemas(self):
        """The Arrow schema of each of `files`, of which only those stay that can be read."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        schemas, readable = [], []
        for path in self.files:
            try:
                schemas.append(pq.read_schema(path))
                readable.append(path)
            except (pa.ArrowException, OSError) as error:
                self.report.leave_out("files", broken(path, error), file=self.relative(path))
        self.files = readable
        if not readable:
            raise SystemExit("\n".join(["no Parquet file can be read", *self.report.left_out()]))
        return schemas

    def _camera(self, wanted, schemas):
        import pyarrow as pa

        pictures = {name for name, feature in self.features.items() if feature.get("dtype") in ("video", "image")}
        pictures |= {field.name for schema in schemas for field in schema if pa.types.is_struct(field.type) and {f.name for f in field.type} == {"bytes", "path"}}
        depth = {name for name in pictures if is_depth(name, self.features.get(name, {}))}
        cameras = sorted(pictures - depth)
        if wanted is None:
            if len(cameras) == 1:
                if depth:
                    self.report.note(f"{', '.join(sorted(depth))}: depth, which is not read")
                return cameras[0]
            raise SystemExit(f"choose one with --camera: {', '.join(cameras)}" if cameras else "the dataset has no camera of colour pictures")
        short = [name for name in pictures if name == wanted] or [name for name in pictures if name.endswith(f".{wanted}")]
        if len(short) != 1:
            raise SystemExit(f"there is no camera {wanted}: choose among {', '.join(cameras)}")
        if short[0] in depth:
            raise SystemExit(f"{short[0]} is a depth map: a world is of colour pictures; choose among {', '.join(cameras)}")
        return short[0]

    def _columns(self, given, schemas):
        """The columns of each name of `KNOWN` that is there."""
        there = list(dict.fromkeys(name for schema in schemas for name in schema.names))
        columns = {}
        for name, usual in KNOWN.items():
            if name in given:
                columns[name] = [found for pattern in given[name] for found in matching(pattern, there, name)]
            else:
                columns[name] = [known for known in usual if known in there][:1]
            if not columns[name] and name in WANTED:
                option = "--action" if name == "action" else "--state"
                raise SystemExit(f"the dataset has no {name}: say which with {option} COLUMN; there are {', '.join(name for name in there if name != self.camera)}")
        used = {column for found in columns.values() for column in found} | {self.camera, "index"}
        unread = [name for name in dict.fromkeys([*there, *self.features]) if name not in used]
        if unread:
            self.report.note(f"not read: {', '.join(unread)}")
        return {name: found for name, found in columns.items() if found}

    def _names(self, name, schemas, rows):
        """The names of a vector's numbers, and their units, `[(name, unit or None)]`."""
        parts, columns = [], self.columns[name]
        for column in columns:
            feature, width = self.features.get(column, {}), rows.width(column)
            kind = next(schema.field(column).type for schema in schemas if column in schema.names)
            found = named(feature.get("names"), width) or named(fields(kind), width)
            if found is None:
                if feature.get("names"):
                    self.report.note(f"the names of {column} in info.json are not as many as its {width} numbers: they are numbered")
                found = [(column if width == 1 and len(columns) > 1 else f"{column} {i}", None) for i in range(width)]
            units = feature.get("units", feature.get("unit"))
            units = units if isinstance(units, list) and len(units) == width else [units if isinstance(units, str) else None] * width
            parts += [[(n, unit or other) for (n, unit), other in zip(found, units)]]
        said = [n for part in parts for n, _ in part]
        if len(set(said)) < len(said):  # the two arms of a robot, say, whose joints are called alike
            last = [column.split(".")[-1] for column in columns]
            last = last if len(set(last)) == len(last) else columns
            parts = [[(f"{column}.{n}", unit) for n, unit in part] if len(columns) > 1 else part for column, part in zip(last, parts)]
        found = unique([found for part in parts for found in part])
        if len(found) > MOST_NAMES:
            raise SystemExit(f"{name} has {len(found)} numbers a row, and a world takes {MOST_NAMES}: say which with --map {name}=COLUMN")
        return found

    def _episodes(self):
        """Of each episode what meta says, by its number: in v3 where its part of each file is."""
        if self.version == 2:
            path = self.folder / "meta/episodes.jsonl"
            listed = read_lines(path) if path.exists() else []
        else:
            listed = self._index()
        episodes = {int(row["episode_index"]): row for row in listed if row.get("episode_index") is not None}
        for number in sorted(set(episodes) - set(self.spans)):
            self.report.leave_out("episodes", "meta names them, and no row is theirs", episode=number)
        return episodes

    def _index(self):
        import pyarrow as pa
        import pyarrow.parquet as pq

        rows = []
        for path in sorted((self.folder / "meta/episodes").rglob("*.parquet")):
            try:
                names = pq.read_schema(path).names
                kept = [name for name in names if not name.startswith("stats/")]
                rows += pq.read_table(path, columns=kept).to_pylist()
            except (pa.ArrowException, OSError) as error:
                self.report.leave_out("files", broken(path, error), file=self.relative(path))
        return rows

    def tasks(self):
        """The text of each task_index that meta tells, `{index: text}`."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        lines, table = self.folder / "meta/tasks.jsonl", self.folder / "meta/tasks.parquet"
        if table.exists():
            # Pandas keeps the texts in an index, of whatever name.
            try:
                found = pq.read_table(table).to_pylist()
            except (pa.ArrowException, OSError) as error:
                self.report.leave_out("files", broken(table, error), file=self.relative(table))
                found = []
            listed = [dict(task_index=row.get("task_index"), task=next((x for x in row.values() if isinstance(x, str)), None)) for row in found]
        else:
            listed = read_lines(lines) if lines.exists() else self._tasks_of_episodes()
        return {int(row["task_index"]): str(row["task"]) for row in listed if row.get("task") and row.get("task_index") is not None}

    def _tasks_of_episodes(self):
        """The same, where meta's list of tasks is not there, by the episodes that have one task."""
        index = self.rows.get("task_index", np.zeros(len(self.place)))
        found = []
        for number, rows in self.spans.items():
            said = self.episodes.get(number, {}).get("tasks")
            if isinstance(said, list) and len(said) == 1 and np.isfinite(index[rows.start]):
                found.append(dict(task_index=int(index[rows.start]), task=said[0]))
        return found

    def relative(self, path):
        return str(path.relative_to(self.folder))

    def video_of(self, number):
        """
        Where an episode's video is, `(path, from, to)`: seconds in the file at which the episode begins and ends, `to` None
        where nobody says. Raises ValueError that says what is missing.
        """
        names = dict(video_key=self.camera, episode_index=number, episode_chunk=number // int(self.info.get("chunks_size") or 1000))
        begin, end = 0.0, None
        if self.version == 3:
            row, key = self.episodes.get(number), f"videos/{self.camera}"
            if row is None:
                raise ValueError("meta/episodes has no row of theirs")
            for name in ("chunk_index", "file_index", "from_timestamp"):
                if told(row.get(f"{key}/{name}")) is None:
                    raise ValueError(f"meta/episodes has no {key}/{name} of theirs" + ("" if f"{key}/{name}" in row else ", nor of any"))
            names |= dict(chunk_index=int(row[f"{key}/chunk_index"]), file_index=int(row[f"{key}/file_index"]))
            begin, end = float(row[f"{key}/from_timestamp"]), told(row.get(f"{key}/to_timestamp"))
        template = self.info.get("video_path") or VIDEO[self.version]
        try:
            path = self.folder / template.format(**names)
        except (KeyError, ValueError, IndexError):
            raise SystemExit(f"info.json's video_path is {template}: its places may be {', '.join(names)}") from None
        return path, begin, end


def told(number):
    """A number of a table, or None where it is null or NaN."""
    return None if number is None or number != number else number


def matching(pattern, there, name):
    found = [column for column in there if column == pattern] or [column for column in there if fnmatch.fnmatchcase(column, pattern)]
    if not found:
        raise SystemExit(f"the dataset has no column {pattern} for {name}; there are {', '.join(there)}")
    return found


def is_depth(name, feature):
    info = feature.get("info") or feature.get("video_info") or {}
    said = [info[key] for key in ("video.is_depth_map", "is_depth_map") if key in info]
    return any(said) if said else "depth" in re.split(r"[._/]", name.lower())
