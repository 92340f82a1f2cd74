"""How long a call waits, and what it says meanwhile: nobody should have to guess why a program stands still."""

from __future__ import annotations

import logging
import time

logger = logging.getLogger("worldstep")

SAY_AFTER_SECONDS = 3.0


class Patience:
    """Of one call, for `seconds`. What it waits for is logged as a warning, after 3 s and whenever the wait has doubled."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ends = time.monotonic() + seconds
        self._said = False
        self.good_news()

    def left(self) -> float:
        return max(0.0, self._ends - time.monotonic())

    def slice(self) -> float:
        """Seconds to wait until something is to be said, or time is up."""
        return min(self.left(), max(0.0, self._since + self._say_after - time.monotonic()))

    def good_news(self) -> None:
        """Something came: the wait begins anew."""
        if self._said:
            logger.warning("worldstep: it goes on after %.0f s", time.monotonic() - self._since)
        self._since = time.monotonic()
        self._say_after, self._said = SAY_AFTER_SECONDS, False

    def tell(self, what: str, doing: str) -> None:
        waited = time.monotonic() - self._since
        if waited < self._say_after or self.left() == 0:
            return
        self._say_after, self._said = 2 * waited, True
        logger.warning(
            "worldstep: %s, since %.0f s: %s for %.0f s more (timeout=%g)", what, waited, doing, self.left(), self.seconds
        )
