"""The rows of a dataset's Parquet files, as numbers, whatever types they are stored in."""

import re

import numpy as np

from columns import as_matrix
from meta_files import broken

VECTORS = ("action", "observation.state", "observation.environment_state")


class Rows:
    """
    `numbers`: of each row by LeRobot's names, `[R, n]` float64 of the `VECTORS` and `[R]` of the others, sorted by episode
    and frame; `place` `[R, 2]`: each row's file, and where in it the row is; `spans`: the slice of each episode's rows, by its
    number; `columns`: those of `columns`, from which each name is read, that hold what they should; of one that doesn't and
    is `needed` SystemExit says so. schemas: the Arrow schema of each of `files`; features: of info.json. What can't be read
    is NaN, and reported.
    """

    def __init__(self, files, schemas, columns, needed, features, report):
        self.files, self.schemas, self.features, self.report = files, schemas, features, report
        self.matrices, self.columns, numbers = {}, {}, {}
        parts, counts = self._read(columns)
        for name, found in columns.items():
            try:
                self.matrices |= {column: self._joined(column, parts[column], counts) for column in found}
                numbers[name] = self._numbers(name, found)
            except ValueError as wrong:
                if name in needed:
                    raise SystemExit("\n".join([str(wrong), *report.left_out()])) from None
                report.note(f"{name} is not read: {wrong}")
                continue
            self.columns[name] = found
            for column in found:
                self._compare_types(column)
        place = np.stack([np.repeat(np.arange(len(counts)), counts), np.concatenate([np.arange(n) for n in counts])], 1).astype(int)
        if "episode_index" not in numbers:
            numbers["episode_index"] = self._episode_of_files()[place[:, 0]]
        counted, frame = count_within(numbers["episode_index"]), numbers.get("frame_index")
        if frame is not None and not np.isfinite(frame).all():
            report.note(f"frame_index is null or NaN in {int((~np.isfinite(frame)).sum())} rows: counted there")
        numbers["frame_index"] = counted if frame is None else np.where(np.isfinite(frame), frame, counted)
        order = self._order(numbers)
        self.numbers, self.place = {name: values[order] for name, values in numbers.items()}, place[order]
        number = self.numbers["episode_index"].astype(int)
        begins = np.flatnonzero(np.diff(number, prepend=number[0] - 1))
        self.spans = {int(number[a]): slice(int(a), int(b)) for a, b in zip(begins, [*begins[1:], len(number)])}

    def width(self, column):
        """How many numbers a column has in a row."""
        return self.matrices[column].shape[1]

    def is_boolean(self, column):
        return self.features.get(column, {}).get("dtype") in ("bool", "boolean") or "bool" in self._stored(column)

    def _read(self, columns):
        """Of each column a matrix for each file, None, or the ValueError that says what it holds; and how many rows each file has."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        parts, counts = {column: [] for found in columns.values() for column in found}, []
        vectors = {column for name in VECTORS for column in columns.get(name, ())}
        for i, (path, schema) in enumerate(zip(self.files, self.schemas), 1):
            print(f"\rreading rows, file {i}/{len(self.files)} ", end="", flush=True)
            here = [column for column in parts if column in schema.names]
            try:
                table, count = pq.read_table(path, columns=here), pq.read_metadata(path).num_rows
            except (pa.ArrowException, OSError) as error:
                self.report.leave_out("files", broken(path, error), file=path.name)
                here, count = [], 0
            counts.append(count)
            for column, found in parts.items():
                found.append(self._part(table, column, path) if column in here else None)
                if column in here or not count:
                    continue
                why, where = f"their file has no column {column}", dict(file=path.name, rows=count)
                if column in vectors:
                    self.report.leave_out("rows", why, **where)
                else:
                    self.report.note(f"of some rows: {why}", **where)
        print()
        return parts, counts

    def _part(self, table, column, path):
        try:
            return as_matrix(table[column])
        except ValueError as error:
            return ValueError(f"{path.name}: {column} {error}, not numbers")

    def _numbers(self, name, columns):
        """What the `columns` of a name hold, `[R, n]`, or `[R]` of what is one number."""
        matrix = np.concatenate([self.matrices[column] for column in columns], 1)
        if name in VECTORS:
            return matrix
        if matrix.shape[1] != 1:
            raise ValueError(f"{', '.join(columns)} holds {matrix.shape[1]} numbers a row, and it is one")
        return matrix[:, 0]

    def _joined(self, column, parts, counts):
        """The matrix of all files; NaN where a file has no such column, or rows of another length than most. Raises ValueError."""
        for part in parts:
            if isinstance(part, ValueError):
                raise part
        widths = {}
        for part, count in zip(parts, counts):
            if part is not None:
                widths[part.shape[1]] = widths.get(part.shape[1], 0) + count
        width = max(widths, key=widths.get, default=0)
        if not width:
            raise ValueError(f"{column} holds no numbers")
        joined = []
        for path, part, count in zip(self.files, parts, counts):
            if part is not None and part.shape[1] != width and count:
                self.report.leave_out("rows", f"{column} has {part.shape[1]} numbers in their file, and {width} in most", file=path.name, rows=count)
                part = None
            joined.append(np.full((count, width), np.nan) if part is None else part)
        return np.concatenate(joined)

    def _stored(self, column):
        return {scalar(schema.field(column).type) for schema in self.schemas if column in schema.names}

    def _compare_types(self, column):
        """Says where files differ, or hold another kind of number than info.json says: all are read as numbers."""
        stored, said = self._stored(column), str(self.features.get(column, {}).get("dtype", ""))
        if len(stored) > 1 or said and {kind_of(name) for name in stored} != {kind_of(said)}:
            self.report.note(f"{column} is stored as {' and '.join(sorted(stored))}" + (f", and read as the {said} of info.json" if said else ""))

    def _episode_of_files(self):
        """Where no column tells it: which episode a file is of, by its name."""
        numbers = [re.search(r"episode_?(\d+)", path.name) for path in self.files]
        if not all(numbers):
            raise SystemExit(f"the dataset has no episode_index; there are {', '.join(self.features)}")
        return np.array([float(number[1]) for number in numbers])

    def _order(self, numbers):
        """The rows by episode and frame, without those of no episode; those that are there twice once."""
        episode = numbers["episode_index"]
        order = np.lexsort((numbers["frame_index"], episode))
        nobodys = ~np.isfinite(episode[order])
        if nobodys.any():
            self.report.leave_out("rows", "they have no episode_index", rows=int(nobodys.sum()))
        order = order[~nobodys]
        if not len(order):
            raise SystemExit("\n".join(["the dataset has no rows", *self.report.left_out()]))
        keys = [name for name in ("episode_index", "frame_index", "timestamp") if name in numbers]
        again = np.all([np.diff(numbers[key][order], prepend=np.nan) == 0 for key in keys], 0)
        for number, count in zip(*np.unique(episode[order][again], return_counts=True)):
            self.report.leave_out("rows", "a row before has the same episode_index, frame_index and timestamp", episode=int(number), rows=int(count))
        return order[~again]


def scalar(kind):
    """The name of an Arrow type, or of what its lists hold, as info.json would say it."""
    import pyarrow as pa

    while pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        kind = kind.value_type
    return {"halffloat": "float16", "float": "float32", "double": "float64"}.get(str(kind), str(kind).split("<")[0])


def kind_of(name):
    """float32 -> float; int64 -> int."""
    return re.sub(r"\d+$", "", name).lstrip("u")


def count_within(groups):
    """`[R]` -> how many rows of the same group came before each, in the order of the files."""
    counts, result = {}, np.empty(len(groups))
    for i, group in enumerate(groups):
        result[i] = counts[group] = counts.get(group, -1) + 1
    return result
