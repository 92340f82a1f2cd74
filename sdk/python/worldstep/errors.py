"""The one error of this package. docs/errors.md lists the codes."""

from __future__ import annotations

from typing import Any, Mapping, Optional


class WorldstepError(Exception):
    """`code` is stable, `message` says what happened, `facts` are the values that were wrong, `remedy` says what to do."""

    def __init__(self, code: str, message: str, facts: Optional[Mapping[str, Any]] = None, remedy: str = "") -> None:
        self.code = code
        self.message = message
        self.facts = dict(facts or {})
        self.remedy = remedy
        super().__init__(code, message, self.facts, remedy)  # all four, so that it can be pickled

    def __str__(self) -> str:
        return f"{self.message} ({self.code}): {self.remedy}" if self.remedy else f"{self.message} ({self.code})"


def reset_needed(ended: bool) -> WorldstepError:
    when = "after the episode ended" if ended else "before the first reset()"
    facts = {"why": "episode_ended" if ended else "never_reset"}
    return WorldstepError("reset_needed", f"step() {when}", facts, "call reset() first")
