"""Actions from the robot's units to those of the action space and back, by a world's channels."""

from __future__ import annotations

from typing import Any, Mapping

import numpy as np

from worldstep.errors import WorldstepError


def scale(world_info: Mapping[str, Any], rows: Any) -> np.ndarray:
    """Rows [..., A] in the robot's units as what `step` takes, float32 [..., A]: linear, so that a channel's `low` becomes the
    action space's lower bound and its `high` the upper; a channel that never moves becomes their middle. Nothing is clipped.
    Raises `action_shape` and `action_not_finite`.
    """
    values, low, high = _rows(world_info, rows)
    bottom, top = world_info["actionSpace"]["low"], world_info["actionSpace"]["high"]
    span = high - low
    moves = span > 0
    share = np.where(moves, (values - low) / np.where(moves, span, 1), 0.5)
    return (bottom + share * (top - bottom)).astype(np.float32)


def unscale(world_info: Mapping[str, Any], rows: Any) -> np.ndarray:
    """`scale` the other way: rows [..., A] in the action space in the robot's units, float32. Raises as `scale` does."""
    values, low, high = _rows(world_info, rows)
    bottom, top = world_info["actionSpace"]["low"], world_info["actionSpace"]["high"]
    return (low + (values - bottom) / (top - bottom) * (high - low)).astype(np.float32)


def _rows(world_info: Mapping[str, Any], rows: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`rows`, and the low and the high of each channel, float64."""
    channels = world_info["action"]
    try:
        values = np.asarray(rows, np.float64)
    except (TypeError, ValueError) as error:
        raise WorldstepError("action_shape", f"not rows of an action: {error}", {}, "give numbers") from error
    if values.ndim == 0 or values.shape[-1] != len(channels):
        facts = {"expected": [len(channels)], "got": list(values.shape)}
        message = f"an array {facts['got']} is no rows of {len(channels)} channels"
        raise WorldstepError("action_shape", message, facts, "give rows of one number for each channel")
    finite = np.isfinite(values)
    if not finite.all():
        index = int(np.argmin(finite))
        raise WorldstepError("action_not_finite", f"action element {index} is not finite", {"index": index}, "send numbers")
    return values, np.array([c["low"] for c in channels], np.float64), np.array([c["high"] for c in channels], np.float64)
