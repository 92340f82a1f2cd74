"""Spaces of the wire as Gymnasium's, and the check of an action before anything is sent."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence

import numpy as np
from gymnasium import spaces

from worldstep.arrays import tensor_of
from worldstep.errors import WorldstepError


def box(space: Mapping[str, Any]) -> spaces.Box:
    dtype = np.dtype(space["dtype"])
    low, high = (bound if np.isinf(bound) else dtype.type(bound) for bound in (space["low"], space["high"]))
    return spaces.Box(low, high, tuple(space["shape"]), dtype.type)


OBSERVED = ("frames", "state")


def observation_space(world_info: Mapping[str, Any], observe: Optional[Sequence[str]]) -> spaces.Dict:
    """Of what is observed, by default all: the frames of all cameras, and all else, which is the state."""
    frames = {"frames", *(camera["key"] for camera in world_info.get("cameras", []))}
    own = {key: box(value) for key, value in world_info["observationSpace"]["spaces"].items()}
    return spaces.Dict(
        {key: space for key, space in own.items() if observe is None or ("frames" if key in frames else "state") in observe}
    )


def check_observe(observe: Optional[Sequence[str]]) -> None:
    """Raises `option_observe`."""
    if observe is None or (not isinstance(observe, str) and len(observe) > 0 and set(observe) <= set(OBSERVED)):
        return
    facts = {"option": "observe", "value": repr(observe)}
    raise WorldstepError("option_observe", f"observe is {observe!r}", facts, 'give a list with "frames" or "state", or None')


def checked(space: spaces.Box, action: Any) -> np.ndarray:
    """A copy of `action` as an element of `space`.

    Raises `action_shape`, `tensor_dtype`, `action_not_finite` and `action_out_of_range`.
    """
    array = tensor_of("the action", action, space.dtype, "action_shape")
    if array.shape != space.shape:
        facts = {"expected": list(space.shape), "got": list(array.shape)}
        message = f"expected an action of shape {facts['expected']}, got {facts['got']}"
        raise WorldstepError("action_shape", message, facts, "send a row for each control step")
    finite = np.isfinite(array)
    if not finite.all():
        index = int(np.argmin(finite))
        raise WorldstepError("action_not_finite", f"action element {index} is not finite", {"index": index}, "send numbers")
    inside = (array >= space.low) & (array <= space.high)
    if not inside.all():
        index = int(np.argmin(inside))
        low, high = float(space.low.flat[index]), float(space.high.flat[index])
        message = f"action element {index} is {array.flat[index]}, outside [{low}, {high}]"
        raise WorldstepError("action_out_of_range", message, {"index": index, "low": low, "high": high}, "clip the action")
    return array


def checked_chunk(space: spaces.Box, actions: Any, most: int) -> np.ndarray:
    """1 to `most` elements of `space`, [K, ...]. Raises what `checked` does, and `action_chunk`."""
    ticks = length_of(actions)
    if not 1 <= ticks <= most:
        facts = {"ticks": ticks, "most": most}
        raise WorldstepError("action_chunk", f"a chunk of {ticks} ticks", facts, f"send 1 to {most} action blocks")
    return np.stack([checked(space, block) for block in actions])


def length_of(actions: Any) -> int:
    """Raises `action_shape` for what is no array, list or tuple of actions."""
    try:
        return len(actions)
    except TypeError as error:
        raise WorldstepError("action_shape", f"no actions: {error}", {}, "send an array, or a list") from error
