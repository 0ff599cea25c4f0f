"""Stretches of rows that lie close together: how rows are changed without taking apart more than is around them.

TimescaleDB changes compressed rows by taking apart the whole piece that holds them, the readings of one series over a
day. Which pieces these are it tells from the constants of a statement, never from a join: so a statement changes one
stretch.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from core.columns import Ints

APART_US = 86_400 * 1_000_000
"""Two rows of one series further apart are of two stretches: a day, as long as a piece is."""


def stretches(series: Ints, times: Ints) -> list[slice]:
    """Return where the rows of each stretch lie; they are in order of series and time, in microseconds."""
    if not len(series):
        return []
    cuts = np.flatnonzero((np.diff(series) != 0) | (np.diff(times) > APART_US)) + 1
    bounds = [0, *cuts.tolist(), len(series)]
    return [slice(start, end) for start, end in pairwise(bounds)]
