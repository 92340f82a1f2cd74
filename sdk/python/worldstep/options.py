"""Options of reset(): of one env, and of each env of many."""

from __future__ import annotations

import operator
from typing import Any, Mapping, Sequence, Union

import numpy as np

from worldstep.arrays import depth, tensor_of
from worldstep.connection import Request
from worldstep.errors import WorldstepError
from worldstep.table import RESET_FIELDS, RESET_TENSORS

NAMES = (*RESET_FIELDS, *RESET_TENSORS)

Options = Union[Mapping[str, Any], Sequence[Union[Mapping[str, Any], None]], None]


def reset_request(seed: int, options: Mapping[str, Any]) -> Request:
    """A reset, its session still missing. None is as good as absent.

    Raises `option_unknown`, `tensor_dtype`, and of a tensor `option_` and its name.
    """
    fields: dict[str, Any] = {"seed": seed}
    tensors = {}
    for name, value in options.items():
        if name not in NAMES:
            remedy = "give it as the argument seed" if name == "seed" else f"use one of {', '.join(NAMES)}"
            raise WorldstepError("option_unknown", f'reset has no option "{name}"', {"option": name}, remedy)
        if value is None:
            continue
        if name in RESET_FIELDS:
            fields[RESET_FIELDS[name]] = plain(value)
        else:
            tensors[name] = tensor_of(name, value, np.dtype(RESET_TENSORS[name][0]), f"option_{name}")
    return Request("reset", fields, tensors)


def for_each(options: Options, count: int) -> list[dict[str, Any]]:
    """The options of each of `count` envs: of a list, its items; of a mapping, each value for all, or one for each of them in a
    list, or in an array with one more dimension. Raises `option_vector`."""
    if isinstance(options, (list, tuple)):
        check_count("options", len(options), count)
        return [dict(own or {}) for own in options]
    each: list[dict[str, Any]] = [{} for _ in range(count)]
    for name, value in (options or {}).items():
        alone = 0 if name in RESET_FIELDS else RESET_TENSORS.get(name, ("", np.inf))[1]
        if depth(value) > alone:
            check_count(name, len(value), count)
        for i, own in enumerate(each):
            own[name] = value[i] if depth(value) > alone else value
    return each


def check_num_envs(count: Any) -> None:
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 1:
        raise WorldstepError("option_vector", f"num_envs is {count!r}", {"num_envs": repr(count)}, "give a whole number above 0")


def check_count(what: str, got: int, count: int) -> None:
    if got != count:
        facts = {"expected": count, "got": got}
        raise WorldstepError("option_vector", f"{got} {what} for {count} envs", facts, "give one for each")


def plain(value: Any) -> Any:
    """Numbers and strings of numpy as Python's."""
    if isinstance(value, (np.generic, np.ndarray)) and value.ndim == 0:
        value = value.item()
    try:
        return operator.index(value)
    except TypeError:
        return value
