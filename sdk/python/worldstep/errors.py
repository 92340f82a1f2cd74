"""The errors of this package. docs/errors.md lists the codes, and which class is whose."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from worldstep.table import CLASSES


class WorldstepError(Exception):
    """`code` is stable, `message` says what happened, `facts` are the values that were wrong, `remedy` says what to do.

    It is made as the class of its code.
    """

    def __new__(cls, code: str = "", *_: Any, **__: Any) -> WorldstepError:
        if cls is WorldstepError:
            name = next((name for start, name in CLASSES.items() if code.startswith(start)), "WorldstepError")
            cls = globals()[name]
        return super().__new__(cls)

    def __init__(self, code: str, message: str, facts: Optional[Mapping[str, Any]] = None, remedy: str = "") -> None:
        self.code = code
        self.message = message
        self.facts = dict(facts or {})
        self.remedy = remedy
        super().__init__(code, message, self.facts, remedy)  # all four, so that it can be pickled

    def __str__(self) -> str:
        return f"{self.message} ({self.code}): {self.remedy}" if self.remedy else f"{self.message} ({self.code})"


class ActionError(WorldstepError):
    """An action is not in the action space."""


class OptionError(WorldstepError):
    """An argument is not usable: the code says which."""


class ResetNeededError(WorldstepError):
    """A step before the first reset, or after the episode ended."""


class ShapeError(WorldstepError):
    """A tensor has another shape than the one that was asked for."""


class SnapshotError(WorldstepError):
    """A snapshot can't be restored here."""


class WorldFileError(WorldstepError):
    """The world on the server's disk can't be used."""


class ProtocolError(WorldstepError):
    """One side broke the protocol, or the connection was lost."""


def reset_needed(ended: bool) -> WorldstepError:
    when = "after the episode ended" if ended else "before the first reset()"
    facts = {"why": "episode_ended" if ended else "never_reset"}
    return WorldstepError("reset_needed", f"step() {when}", facts, "call reset() first")
