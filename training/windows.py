"""Where the rows of an episode follow each other, and where windows of equal length begin there."""

import numpy as np


def stretches(sound, moves, ends, stands):
    """
    The stretches of an episode's rows in which each leads to the next, `[(first row, steps)]`. sound `[R]`: the row's frame and
    state are there; moves `[R]`: its action is, and what it led to is the row behind it; ends `[R]`: it is the last of a try,
    and what it led to was not recorded; stands: such a row stands for that itself, else its action is left out. A row that is
    sound and moves, with none beside it, is a stretch of 0 steps.
    """
    leads = sound & moves & np.where(ends, stands, np.append(sound[1:], False))
    found, first = [], None
    for row in range(len(sound)):
        if leads[row] and first is None:
            first = row
        if first is not None and (ends[row] or not leads[row]):
            found.append((first, row - first + int(leads[row])))
            first = None
        elif first is None and sound[row] and moves[row]:
            found.append((row, 0))
    return found


def starts_of_windows(usable, length):
    """Where windows of `length` steps begin in `usable` of them, so that none is left out: the last may overlap."""
    starts = list(range(0, usable - length + 1, length))
    if starts and starts[-1] + length < usable:
        starts.append(usable - length)
    return starts
