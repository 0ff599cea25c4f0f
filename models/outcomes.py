"""What came of the steps that were forecast: their values; of what adds up, the level had nobody emptied it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.features.past import newest_before
from models.features.rows import Rows
from models.history import Floats, History
from models.inflow import FULL, unwrapped


def targets(history: History, rows: Rows) -> Floats:
    """Return what models learn of each row's target, in the metric's unit; NaN where it was not measured.

    Of a quantity that adds up until somebody empties it: the newest level before the origin and all that came in since,
    even where no bin would hold it: what flows in does not know how full it is. A full bin says nothing.

    Raises
    ------
    FutureLeak
        If a target lies beyond the history.
    """
    found = history.value_at(rows.series, rows.target)
    if not history.plan.cumulates:
        return found
    at, begun = _begun(history, rows)
    total = unwrapped(history.values)
    level = history.values[rows.series, begun] + total[rows.series, rows.target] - total[rows.series, begun]
    return np.where(at >= 0, level, np.nan)


def outcomes(history: History, rows: Rows) -> Floats:
    """Return what came of each row's target, in the metric's unit; NaN where it was not measured.

    Of a quantity that adds up until somebody empties it: `targets`, but no more than it holds; once full it would have
    stayed so.

    Raises
    ------
    FutureLeak
        If a target lies beyond the history.
    """
    came = targets(history, rows)
    if not history.plan.cumulates:
        return came
    at, begun = _begun(history, rows)
    is_full = np.nan_to_num(history.values) >= FULL
    full = np.cumsum(is_full, axis=1)
    been_full = full[rows.series, rows.target] > full[rows.series, begun] - is_full[rows.series, begun]
    known = np.isfinite(history.value_at(rows.series, rows.target)) & (at >= 0)
    return np.where(known, np.where(been_full, 1.0, np.minimum(came, 1.0)), np.nan)


def _begun(history: History, rows: Rows) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the index of the newest level before each origin, -1 where there is none, and a place to look it up."""
    at = newest_before(history.values)[rows.series, rows.origin]
    return at, np.maximum(at, 0)
