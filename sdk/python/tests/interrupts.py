"""Interrupts a call where it is wanted: what Ctrl-C, an alarm or a stopped cell does anywhere."""

from __future__ import annotations

import signal
import sys
from typing import Any, Callable


class Stop(KeyboardInterrupt):
    pass


def interrupted(call: Callable[[], Any], at: int | str) -> bool:
    """Runs `call` until this thread enters its function number `at`, or of that name: whether that was before the end.

    CPython looks for signals where functions are entered, so these are the points at which Ctrl-C is raised.
    """
    entered = 0

    def trace(frame: Any, event: str, _: Any) -> None:
        nonlocal entered
        if event == "call":
            entered += 1
            if at in (entered, frame.f_code.co_name):
                raise Stop(frame.f_code.co_name)

    sys.settrace(trace)
    try:
        call()
    except Stop:
        return True
    finally:
        sys.settrace(None)
    return False


def interrupted_after(seconds: float, call: Callable[[], Any], error: type[BaseException] = Stop) -> bool:
    """Runs `call` for so long: whether that was before the end."""

    def stop(*_: Any) -> None:
        raise error

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        call()
    except error:
        return True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return False
