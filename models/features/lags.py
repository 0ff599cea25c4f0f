"""What a series did before: the same slot of earlier days, recent levels and values, how old the newest value is."""

from __future__ import annotations

import numpy as np

from models.features.calendar import Calendar
from models.features.past import Columns, Past
from models.features.rows import Rows
from models.history import Floats, History, Indices

LAG_DAYS: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7, 14, 21)
"""Days back of the same-slot values."""
WEEK_LAGS: tuple[int, ...] = (7, 14, 21)
NEIGHBOUR_DAYS: tuple[int, ...] = (1, 7)
"""Days back whose values an hour before and after the slot are features too."""
LEVEL_HOURS: tuple[int, ...] = (1, 3, 24, 168)
"""Lengths of the recent levels."""
RECENT_STEPS: tuple[int, ...] = (2, 3, 6)
"""How many steps before the newest value, counting it, the values are told one by one."""
ERROR_HOURS: tuple[int, ...] = (3, 24)
"""Lengths over which the error of repeating last week is told."""
_RATIO_HIGH = 5.0
"""A ratio of levels beyond this says no more than this."""
_LEAST_SHARE = 1e-6
"""A level under this share of the scale is nothing to compare with."""


def same_slot(history: History, rows: Rows, calendar: Calendar, days: int) -> Indices:
    """Return the index of the same local time ``days`` before each row's target.

    In local time: across a change of the clocks, the slot moves with the people.
    """
    index = rows.target - days * history.steps_per_day
    moved = calendar.offset_s[rows.target] - calendar.offset_s[np.maximum(index, 0)]
    return index + moved // int(history.plan.step.total_seconds())


def slot_columns(history: History, rows: Rows, calendar: Calendar, past: Past) -> Columns:
    """Return the same-slot values of earlier days, their summary, and that of the days of the same kind."""
    places = {days: same_slot(history, rows, calendar, days) for days in LAG_DAYS}
    slots = {days: past.value(index) for days, index in places.items()}
    columns: Columns = {f"slot_d{days}": values for days, values in slots.items()}
    hour = history.steps_per_hour
    for days in NEIGHBOUR_DAYS:
        columns[f"slot_d{days}_hour_before"] = past.value(places[days] - hour)
        columns[f"slot_d{days}_hour_after"] = past.value(places[days] + hour)
    week = np.stack([slots[days] for days in LAG_DAYS if days <= WEEK_LAGS[0]])
    columns["slot_week_mean"], columns["slot_week_deviation"] = _mean_and_deviation(week)
    columns["slot_week_low"], columns["slot_week_high"] = np.fmin.reduce(week), np.fmax.reduce(week)
    columns["slot_weekday_mean"] = _mean_and_deviation(np.stack([slots[days] for days in WEEK_LAGS]))[0]
    works = calendar.works[rows.target]
    alike = np.stack(
        [np.where(calendar.works[np.maximum(places[days], 0)] == works, slots[days], np.nan) for days in LAG_DAYS]
    )
    columns["similar_mean"], columns["similar_deviation"] = _mean_and_deviation(alike)
    columns["similar_newest"] = alike[np.argmax(np.isfinite(alike), axis=0), np.arange(len(rows))]
    return columns


def level_columns(history: History, rows: Rows, past: Past) -> Columns:
    """Return recent levels and values, how they compare with a week before, and the age of the newest value."""
    hour, day = history.steps_per_hour, history.steps_per_day
    levels = {h: past.mean(rows.origin - h * hour, rows.known) for h in LEVEL_HOURS}
    columns: Columns = {f"level_{h}h": level for h, level in levels.items()}
    for hours in ERROR_HOURS:
        week_before = past.mean(rows.origin - 7 * day - hours * hour, rows.known - 7 * day)
        columns[f"week_error_{hours}h"] = past.mean(rows.origin - hours * hour, rows.known) - week_before
    week_before = past.mean(rows.origin - 8 * day, rows.known - 7 * day)
    ratio = levels[24] / np.where(np.abs(week_before) < _LEAST_SHARE, np.nan, week_before)
    columns["level_week_ratio"] = np.clip(ratio, -_RATIO_HIGH, _RATIO_HIGH)
    newest = past.newest()
    columns["newest"] = past.value(newest)
    for steps in RECENT_STEPS:
        columns[f"recent_{steps}"] = past.value(newest - steps + 1)
    columns["recent_slope"] = (columns["newest"] - columns["recent_3"]) / 2
    columns["newest_same_hour_change"] = columns["newest"] - past.value(newest - day)
    columns["newest_week_change"] = columns["newest"] - past.value(newest - 7 * day)
    columns["newest_age_h"] = np.where(newest >= 0, (rows.origin - newest) / hour, np.nan)
    columns["age_days"] = np.minimum((rows.known - past.oldest()) / day, LAG_DAYS[-1])
    return columns


def _mean_and_deviation(stacked: Floats) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of each row's known values, shape (lags, rows); NaN where it has none."""
    known = np.isfinite(stacked)
    count = known.sum(axis=0)
    count = np.where(count > 0, count, np.nan)
    mean = np.where(known, stacked, 0.0).sum(axis=0) / count
    away = np.where(known, stacked - mean, 0.0)
    return mean, np.sqrt((away * away).sum(axis=0) / count)
