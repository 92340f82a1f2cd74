"""What users give, as the tensors that travel. Plain numbers become what is wanted; what has a dtype must have that one."""

from __future__ import annotations

from typing import Any

import numpy as np

from worldstep.errors import WorldstepError


def tensor_of(name: str, value: Any, dtype: np.dtype, wrong: str) -> np.ndarray:
    """A copy of `value` as an array of `dtype`, uint8 or float32.

    Raises `tensor_dtype`, and the code `wrong` for what is no array, or has a number that `dtype` hasn't.
    """
    try:
        array = np.array(value)
    except (
        TypeError,
        ValueError,
        RuntimeError,
    ) as error:  # ragged; or a tensor that numpy can't read: on a GPU, with a gradient
        raise WorldstepError(wrong, f"{name} is no array of numbers: {error}", {}, f"give a {dtype} array") from error
    if has_dtype(value) and array.dtype != dtype:
        facts = {"name": name, "expected": str(dtype), "got": str(array.dtype)}
        scaled = " of 0 to 255" if dtype == np.uint8 else ""
        remedy = f"give {dtype}{scaled}: nothing is cast in silence"
        raise WorldstepError("tensor_dtype", f"{name} is {array.dtype}, not {dtype}", facts, remedy)
    if array.dtype.kind not in ("iu" if dtype == np.uint8 else "iuf"):
        raise WorldstepError(
            wrong, f"{name} is no array of {dtype} numbers", {"got": str(array.dtype)}, f"give a {dtype} array"
        )
    if dtype == np.uint8 and array.size and not 0 <= array.min() <= array.max() <= 255:
        facts = {"low": int(array.min()), "high": int(array.max())}
        raise WorldstepError(wrong, f"{name} has numbers outside 0 to 255", facts, "give colours from 0 to 255")
    with np.errstate(over="ignore"):  # an infinity, which is refused where it matters
        return array.astype(dtype, copy=False)


def has_dtype(value: Any) -> bool:
    """Whether `value` is an array of any library, or a list with one in it. A scalar in a list is a plain number."""
    if isinstance(value, (list, tuple)):
        return any(has_dtype(item) for item in value)
    return hasattr(value, "dtype") and getattr(value, "ndim", 0) > 0


def depth(value: Any) -> int:
    """How many dimensions `value` has: an array, or lists of lists of them, ragged ones too."""
    if isinstance(value, (list, tuple)):
        return 1 + max(map(depth, value), default=0)
    return getattr(value, "ndim", 0)
