"""A moment of an env, to be kept, pickled and restored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Optional


@dataclass(frozen=True)
class Snapshot:
    """What `WorldstepEnv.snapshot` gives. `data` is the server's part: it names its world, and is whole or refused."""

    data: bytes
    rng: Optional[Mapping[str, Any]] = None  # of the env's np_random
    drawn: Optional[int] = None  # a seed that no episode has had yet
