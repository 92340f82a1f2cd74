"""Columns of Parquet as matrices of numbers, and what their numbers are called."""

import re
from collections import Counter

import numpy as np


def as_matrix(column):
    """
    An Arrow array of numbers, or of lists and structs of them at any depth, as `[R, n]` float64. What is null, and a row
    whose list is of another length than most, is NaN. Raises ValueError for what holds no numbers.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(column, pa.ChunkedArray):
        return as_matrix(pa.concat_arrays(column.chunks)) if column.num_chunks else np.empty((0, 1))
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    kind = column.type
    if pa.types.is_dictionary(kind):
        return as_matrix(column.dictionary_decode())
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False)
        there = lengths[np.isfinite(lengths)].astype(int)
        width = int(np.bincount(there).argmax()) if len(there) else 0
        whole = lengths == width
        inside = as_matrix(pc.list_flatten(column.filter(pa.array(whole)))) if width else np.empty((0, 0))
        matrix = np.full((len(column), width * inside.shape[1]), np.nan)
        matrix[whole] = inside.reshape(int(whole.sum()), -1)
        return matrix
    if pa.types.is_struct(kind):
        parts = [as_matrix(part) for part in column.flatten()]
        return np.concatenate(parts, 1) if parts else np.empty((len(column), 0))
    if pa.types.is_timestamp(kind) or pa.types.is_duration(kind):
        scale = {"s": 1, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}[kind.unit]
        return as_matrix(column.cast(pa.int64())) * scale
    if pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    elif pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
    elif pa.types.is_null(kind):
        return np.full((len(column), 1), np.nan)
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        raise ValueError(f"holds {kind}")
    return np.asarray(column.to_numpy(zero_copy_only=False), np.float64).reshape(-1, 1)


def fields(kind, before=""):
    """The names of the numbers of an Arrow struct, or None where its type says none."""
    import pyarrow as pa

    if not pa.types.is_struct(kind):
        return None
    names = []
    for field in kind:
        inside = fields(field.type, f"{before}{field.name}.")
        if inside is None and not (pa.types.is_integer(field.type) or pa.types.is_floating(field.type) or pa.types.is_boolean(field.type)):
            return None
        names += inside or [f"{before}{field.name}"]
    return names


def named(names, count):
    """
    What `names` of a feature in info.json calls its `count` numbers, as `[(name, unit or None)]`: a list at any depth, lists
    by kind, names with their places, or names with their units. None where they are not as many.
    """
    found = flat(names)
    if len(found) != count or not count:
        return None
    return unique([unit_of(name) if unit is None else (name, unit) for name, unit, _ in found])


def flat(names):
    """
    `[(name, unit or None, place or None)]` of all names, in order: of their places, where they have all that there are. Those
    that repeat in the parts of a map begin with its key.
    """
    if names is None:
        return []
    if isinstance(names, (list, tuple)):
        return [found for part in names for found in flat(part)]
    if not isinstance(names, dict):
        return [(str(names), None, None)]
    nested = {key: flat(part) for key, part in names.items() if isinstance(part, (list, tuple, dict))}
    often = Counter(name for part in nested.values() for name, _, _ in part)
    found = []
    for key, part in names.items():
        if key in nested:
            found += [(f"{key}.{name}" if often[name] > 1 else name, unit, place) for name, unit, place in nested[key]]
        else:
            found.append((str(key), part if isinstance(part, str) and part else None, part if isinstance(part, int) else None))
    places = [place for _, _, place in found]
    if None not in places and sorted(places) == list(range(len(places))):
        found.sort(key=lambda one: one[2])
    return found


def unit_of(name):
    """"x (m)" -> ("x", "m")."""
    found = re.fullmatch(r"(.*\S)\s*\(([^()]+)\)", name)
    return (found[1], found[2]) if found else (name, None)


def unique(found):
    """The same names, each once: one that was there already gets a number."""
    seen, result = set(), []
    for i, (name, unit) in enumerate(found):
        name = name.strip() or str(i)
        while name in seen:
            name = f"{name} {i}"
        seen.add(name)
        result.append((name, unit))
    return result
