"""What rows may see of their own series: nothing before a row's ``first`` step, nothing from its ``known`` on.

Every feature of readings is taken through `Past`, so that this is the one place where the future could leak.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import numpy.typing as npt

from models.features.rows import Rows
from models.history import Floats, History, Indices

HELD_AT_MOST = timedelta(minutes=30)
"""How long a value stands for the steps after it, on a grid finer than the sensor speaks: nothing is interpolated."""
SCALE_DAYS = 28
"""The mean level that scales a series is over its last four weeks."""
LEVEL_LEAST = 1e-9
"""In stored units: less is nothing, finer than any sensor tells, and a quotient by it would be more than fits."""

LOOKED_BACK = timedelta(days=SCALE_DAYS + 9)
"""No feature of a row looks back further from its origin, those of neighbours, scaled a week ago, included."""

Columns = dict[str, npt.NDArray[np.floating]]


class Sums:
    """Running sums of known values, so that the mean of any run of steps costs two look-ups."""

    def __init__(self, values: Floats) -> None:
        known = np.isfinite(values)
        self._sum = np.zeros((values.shape[0], values.shape[1] + 1))
        np.cumsum(np.where(known, values, 0.0), axis=1, out=self._sum[:, 1:])
        self._count = np.zeros(self._sum.shape, dtype=np.int32)
        np.cumsum(known, axis=1, out=self._count[:, 1:])

    def mean(self, series: Indices, start: Indices, end: Indices) -> Floats:
        """Return the mean of the known values of ``[start, end)``, NaN where there is none."""
        start = np.maximum(start, 0)
        end = np.maximum(end, start)
        count = self._count[series, end] - self._count[series, start]
        total = self._sum[series, end] - self._sum[series, start]
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)


class Past:
    """The past of the rows' series, as far as each row may look, divided by the row's ``scale``.

    Parameters
    ----------
    history, rows
        Whose past; the rows' origins lie within the history.
    """

    def __init__(self, history: History, rows: Rows) -> None:
        self._rows = rows
        self._held = held(history)
        self._sums = Sums(history.values)
        self._newest = newest_before(history.values)
        self._oldest = _oldest(history.values)
        self.scale = _scale_of(history, rows)

    def value(self, index: Indices) -> Floats:
        """Return the scaled values at ``index``, one per row, NaN where unknown to the row."""
        within = (index >= self._rows.first) & (index < self._rows.known)
        found = self._held[self._rows.series, np.where(within, index, 0)] if self._held.shape[1] else np.nan
        return np.where(within, found, np.nan) / self.scale

    def mean(self, start: Indices, end: Indices) -> Floats:
        """Return the scaled mean of the known values of ``[start, end)``, as far as the row may look."""
        start, end = np.maximum(start, self._rows.first), np.minimum(end, self._rows.known)
        return self._sums.mean(self._rows.series, start, end) / self.scale

    def newest(self) -> Indices:
        """Return the index of the newest value that each row knows, -1 where there is none."""
        index = self._newest[self._rows.series, self._rows.known]
        return np.where(index >= self._rows.first, index, -1)

    def oldest(self) -> Indices:
        """Return the index of the oldest value that each row may see, the row's ``known`` where there is none."""
        oldest = np.maximum(self._oldest[self._rows.series], self._rows.first)
        return np.minimum(oldest, self._rows.known)


def held(history: History) -> Floats:
    """Return the values of a history, each standing for the steps after it that have none, for `HELD_AT_MOST`."""
    values = history.values
    for _ in range(HELD_AT_MOST // history.plan.step - 1):
        if not np.isnan(values).any():
            break
        before = np.hstack([np.full((len(values), 1), np.nan), values[:, :-1]])
        values = np.where(np.isnan(values), before, values)
    return values


def newest_before(values: Floats) -> Indices:
    """Return, per series and index up to the length, the newest known step before it; -1 where there is none."""
    steps = np.where(np.isfinite(values), np.arange(values.shape[1]), -1)
    before = np.full((values.shape[0], values.shape[1] + 1), -1, dtype=np.int64)
    before[:, 1:] = np.maximum.accumulate(steps, axis=1)
    return before


def _oldest(values: Floats) -> Indices:
    """Return the index of each series' oldest known value; its length where it has none."""
    known = np.isfinite(values)
    first = np.argmax(known, axis=1) if values.shape[1] else np.zeros(len(values), dtype=np.int64)
    return np.where(known.any(axis=1), first, values.shape[1]).astype(np.int64)


def scales(history: History) -> Floats:
    """Return what each series is divided by as of each step, shape (series, steps + 1).

    Its mean absolute level of the four weeks before; 1 for shares and states, which are bounded by 1 already.
    """
    count, length = history.values.shape
    if _is_share(history):
        return np.ones((count, length + 1))
    sums, end = Sums(np.abs(history.values)), np.arange(length + 1)
    level = sums.mean(np.arange(count)[:, None], end - SCALE_DAYS * history.steps_per_day, end)
    return np.where(level > LEVEL_LEAST, level, 1.0)


def _scale_of(history: History, rows: Rows) -> Floats:
    """Return what each row's values are divided by: as `scales`, of what the row may look back on."""
    if _is_share(history):
        return np.ones(len(rows))
    start = np.maximum(rows.known - SCALE_DAYS * history.steps_per_day, rows.first)
    level = Sums(np.abs(history.values)).mean(rows.series, start, rows.known)
    return np.where(level > LEVEL_LEAST, level, 1.0)


def _is_share(history: History) -> bool:
    """Whether values are shares or states; what comes into a bin in an hour is not, though its level is."""
    return history.metric.high <= 1 and not history.plan.cumulates
