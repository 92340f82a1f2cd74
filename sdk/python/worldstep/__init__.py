"""Gymnasium envs on a worldstep server: `WorldstepEnv`, `WorldstepVectorEnv`, and the id `worldstep/World-v0`."""

import gymnasium

from worldstep.channels import scale, unscale
from worldstep.connection import Connection
from worldstep.env import WorldstepEnv
from worldstep.errors import (
    ActionError,
    OptionError,
    ProtocolError,
    ResetNeededError,
    ShapeError,
    SnapshotError,
    WorldFileError,
    WorldstepError,
)
from worldstep.snapshot import Snapshot
from worldstep.vector_env import WorldstepVectorEnv

__all__ = [
    "ActionError",
    "Connection",
    "OptionError",
    "ProtocolError",
    "ResetNeededError",
    "ShapeError",
    "Snapshot",
    "SnapshotError",
    "WorldFileError",
    "WorldstepEnv",
    "WorldstepError",
    "WorldstepVectorEnv",
    "scale",
    "unscale",
]

gymnasium.register(
    id="worldstep/World-v0",
    entry_point="worldstep.env:WorldstepEnv",
    vector_entry_point="worldstep.vector_env:WorldstepVectorEnv",
)
