"""What a series did before: the same slot of earlier days, recent levels, and how old the newest value is.

Everything here reads only steps before ``rows.known``, the first step that was not known at the row's origin.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.features.calendar import Calendar
from models.features.rows import Rows
from models.history import Floats, History, Indices

LAG_DAYS: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7, 14, 21)
"""Days back of the same-slot values."""
WEEK_LAGS: tuple[int, ...] = (7, 14, 21)
NEIGHBOUR_DAYS: tuple[int, ...] = (1, 7)
"""Days back whose values an hour before and after the slot are features too."""
LEVEL_HOURS: tuple[int, ...] = (1, 3, 24, 168)
"""Lengths of the recent levels."""
SCALE_DAYS = 28
"""The mean level that scales a series is over its last four weeks."""
_RATIO_HIGH = 5.0
# A level under this share of the scale is nothing to compare with.
_LEAST_SHARE = 1e-6
"""A ratio of levels beyond this says no more than this."""

Columns = dict[str, npt.NDArray[np.floating]]


class Sums:
    """Running sums of known values, so that the mean of any run of steps costs two look-ups."""

    def __init__(self, values: Floats) -> None:
        zero = np.zeros((len(values), 1))
        self._sum = np.hstack([zero, np.cumsum(np.nan_to_num(values), axis=1)])
        self._count = np.hstack([zero, np.cumsum(np.isfinite(values), axis=1)])

    def mean(self, series: Indices, start: Indices, end: Indices) -> Floats:
        """Return the mean of the known values of ``[start, end)``, NaN where there is none."""
        start = np.maximum(start, 0)
        end = np.maximum(end, start)
        count = self._count[series, end] - self._count[series, start]
        total = self._sum[series, end] - self._sum[series, start]
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def scale_of(history: History, rows: Rows) -> Floats:
    """Return what each row's values are divided by: the series' mean absolute level of the last four weeks.

    1 for shares and states, which are bounded by 1 already, and for a series that has only shown zero.
    """
    if history.metric.high <= 1:
        return np.ones(len(rows))
    sums = Sums(np.abs(history.values))
    level = sums.mean(rows.series, rows.known - SCALE_DAYS * history.steps_per_day, rows.known)
    return np.where(level > 0, level, 1.0)


def same_slot(history: History, rows: Rows, calendar: Calendar, days: int) -> Indices:
    """Return the index of the same local time ``days`` before each row's target.

    In local time: across a change of the clocks, the slot moves with the people.
    """
    index = rows.target - days * history.steps_per_day
    moved = calendar.offset_s[rows.target] - calendar.offset_s[np.maximum(index, 0)]
    return index + moved // int(history.plan.step.total_seconds())


def known_values(history: History, rows: Rows, index: Indices) -> Floats:
    """Return the values at ``index``, NaN where they were not known at the row's origin."""
    return history.value_at(rows.series, np.where(index < rows.known, index, -1))


def slot_columns(history: History, rows: Rows, calendar: Calendar, scale: Floats) -> Columns:
    """Return the same-slot values of earlier days, their summary, and that of the days of the same kind."""
    places = {days: same_slot(history, rows, calendar, days) for days in LAG_DAYS}
    slots = {days: known_values(history, rows, index) / scale for days, index in places.items()}
    columns: Columns = {f"slot_d{days}": values for days, values in slots.items()}
    hour = history.steps_per_hour
    for days in NEIGHBOUR_DAYS:
        columns[f"slot_d{days}_hour_before"] = known_values(history, rows, places[days] - hour) / scale
        columns[f"slot_d{days}_hour_after"] = known_values(history, rows, places[days] + hour) / scale
    week = np.column_stack([slots[days] for days in LAG_DAYS if days <= WEEK_LAGS[0]])
    columns["slot_week_mean"], columns["slot_week_deviation"] = _mean_and_deviation(week)
    columns["slot_week_low"], columns["slot_week_high"] = _extremes(week)
    columns["slot_weekday_mean"] = _mean_and_deviation(np.column_stack([slots[days] for days in WEEK_LAGS]))[0]
    works = calendar.works[rows.target]
    alike = np.column_stack(
        [np.where(calendar.works[np.maximum(places[days], 0)] == works, slots[days], np.nan) for days in LAG_DAYS]
    )
    columns["similar_mean"], columns["similar_deviation"] = _mean_and_deviation(alike)
    columns["similar_newest"] = alike[np.arange(len(rows)), np.argmax(np.isfinite(alike), axis=1)]
    return columns


def level_columns(history: History, rows: Rows, scale: Floats) -> Columns:
    """Return recent levels, how they compare with a week before, and the age of the newest value."""
    sums = Sums(history.values)
    hour, day = history.steps_per_hour, history.steps_per_day
    levels = {h: sums.mean(rows.series, rows.origin - h * hour, rows.known) for h in LEVEL_HOURS}
    columns: Columns = {f"level_{h}h": level / scale for h, level in levels.items()}
    week_before = sums.mean(rows.series, rows.origin - 8 * day, rows.known - 7 * day)
    ratio = levels[24] / np.where(np.abs(week_before) < _LEAST_SHARE * scale, np.nan, week_before)
    columns["level_week_ratio"] = np.clip(ratio, -_RATIO_HIGH, _RATIO_HIGH)
    newest = _newest_before(history.values)[rows.series, rows.known]
    columns["newest"] = history.value_at(rows.series, newest) / scale
    columns["newest_same_hour_change"] = columns["newest"] - history.value_at(rows.series, newest - day) / scale
    columns["newest_week_change"] = columns["newest"] - history.value_at(rows.series, newest - 7 * day) / scale
    columns["newest_age_h"] = np.where(newest >= 0, (rows.origin - newest) / hour, np.nan)
    return columns


def _newest_before(values: Floats) -> Indices:
    """Return, per series and index up to the length, the newest known step before it; -1 where there is none."""
    steps = np.where(np.isfinite(values), np.arange(values.shape[1]), -1)
    before = np.full((values.shape[0], values.shape[1] + 1), -1, dtype=np.int64)
    before[:, 1:] = np.maximum.accumulate(steps, axis=1)
    return before


def _mean_and_deviation(columns: Floats) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of each row's known values, NaN where it has none."""
    known = np.isfinite(columns)
    count = np.where(known.any(axis=1), known.sum(axis=1), np.nan)
    mean = np.nansum(columns, axis=1) / count
    return mean, np.sqrt(np.nansum((columns - mean[:, None]) ** 2, axis=1) / count)


def _extremes(columns: Floats) -> tuple[Floats, Floats]:
    """Return the least and the greatest known value of each row, NaN where it has none."""
    return np.fmin.reduce(columns, axis=1), np.fmax.reduce(columns, axis=1)
