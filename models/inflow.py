"""What comes into a bin: its level as if nobody had ever emptied it, so that a rise can be taken over any stretch.

A fall by more than `EMPTIED` between two known levels is an emptying (half of that is scatter: ultrasound reads the top
of a heap to some centimetres). What is thrown in while a bin is full is not seen: that time is unknown, not zero.
"""

from __future__ import annotations

import numpy as np

from models.history import Floats

EMPTIED = 0.15
"""A fall by more than this between two levels is an emptying."""
FULL = 0.99
"""From here on the level says nothing of what still comes in."""


def unwrapped(levels: Floats) -> Floats:
    """Return levels with all that was taken out put back, shape (series, steps); NaN where nothing was known.

    The differences of two of them are what came in between, also across an emptying. What was full begins anew
    at the next emptying: a stretch with a full bin in it says less than came in, and the full steps are NaN.

    Parameters
    ----------
    levels
        Shape (series, steps), 0 to 1, NaN where nothing was measured.
    """
    before = _carried(levels)
    fell = np.where(np.isfinite(levels) & np.isfinite(before), before - levels, 0.0)
    taken = np.cumsum(np.where(fell > EMPTIED, fell, 0.0), axis=1)
    return np.where(levels >= FULL, np.nan, levels + taken)


def since_emptied(levels: Floats) -> Floats:
    """Return how many steps ago each series was last emptied, per step, shape (series, steps); NaN before the first."""
    before = _carried(levels)
    emptied = np.isfinite(levels) & (before - levels > EMPTIED)
    places = np.where(emptied, np.arange(levels.shape[1]), -1)
    last = np.maximum.accumulate(places, axis=1) if levels.shape[1] else places
    return np.where(last >= 0, np.arange(levels.shape[1]) - last, np.nan)


def _carried(levels: Floats) -> Floats:
    """Return the newest known level before each step, NaN where there is none."""
    count, length = levels.shape
    known = np.where(np.isfinite(levels), np.arange(length), -1)
    newest = np.full((count, length), -1)
    newest[:, 1:] = np.maximum.accumulate(known, axis=1)[:, :-1]
    return np.where(newest >= 0, np.take_along_axis(levels, np.maximum(newest, 0), axis=1), np.nan)
