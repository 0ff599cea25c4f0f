"""What is told of the steps of a quantity that adds up until somebody empties it, such as the fill of a bin.

Its history is looked at as inflow, what came in during each step; what is forecast is the level, were nobody to empty
it: the newest known level, the row's base, and what comes in on top of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.features.past import Columns, newest_before
from models.features.rows import Rows
from models.history import Floats, History
from models.inflow import since_emptied, unwrapped

RISE_DAYS: tuple[int, ...] = (7, 14, 21)
"""Days back of the same stretch, whose rise is told."""
RISES: tuple[str, ...] = tuple(f"rise_d{days}" for days in RISE_DAYS)
LEVELS: tuple[str, ...] = ("level_now", "room", "emptied_h")
INFLOW_COLUMNS: tuple[str, ...] = (*LEVELS, *RISES)


def flowing(history: History) -> History:
    """Return a history of what came in during each step, of one that adds up; any other as it is."""
    if not history.plan.cumulates:
        return history
    came = np.full_like(history.values, np.nan)
    came[:, 1:] = np.diff(unwrapped(history.values), axis=1)
    return replace(history, values=came)


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """From where rows are forecast, and over what.

    Parameters
    ----------
    base
        Per row, the newest level that it knows, NaN where it knows none; 0 for what does not add up.
    scale
        Per row, what its outcome is learnt in, above the base: the scale of its values; of what adds up, what usually
        comes in over the stretch from that level to the step.
    """

    base: Floats
    scale: Floats


def reach_of(history: History, rows: Rows, scale: Floats) -> Reach:
    """Return the reach of each row; ``scale`` is that of the values, or of what comes in during a step."""
    if not history.plan.cumulates:
        return Reach(np.zeros(len(rows)), scale)
    at = newest_before(history.values)[rows.series, rows.known]
    base = np.where(at >= rows.first, history.values[rows.series, np.maximum(at, 0)], np.nan)
    return Reach(base, scale * np.maximum(rows.target - at, 1))


def inflow_columns(history: History, rows: Rows, reach: Reach) -> Columns:
    """Return the level of now, the room above it, how long ago it was emptied, and the rises of earlier weeks.

    Each rise is over the same stretch as the row's, so many days before, in units of the row's own scale.
    """
    if not history.plan.cumulates:
        return dict.fromkeys(INFLOW_COLUMNS, np.full(len(rows), np.nan))
    total = unwrapped(history.values)
    at = newest_before(history.values)[rows.series, rows.known]
    seen = at >= rows.first
    emptied = since_emptied(history.values)[rows.series, np.maximum(at, 0)] + rows.known - at
    columns: Columns = {
        "level_now": reach.base,
        "room": (history.metric.high - reach.base) / reach.scale,
        "emptied_h": np.where(seen, emptied / history.steps_per_hour, np.nan),
    }
    for days in RISE_DAYS:
        back = days * history.steps_per_day
        start, end = at - back, rows.target - back
        known = seen & (start >= rows.first) & (end < rows.known)
        rise = total[rows.series, np.where(known, end, 0)] - total[rows.series, np.where(known, start, 0)]
        columns[f"rise_d{days}"] = np.where(known, rise / reach.scale, np.nan)
    return columns
