"""Habits: how a series' newest days compare with the same weekdays before, and whether that lasts.

Compared hour by hour in local time, so that a change of the clocks is none of habit. What is much is learnt from how
much the series' own weeks differ anyway.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.features.calendar import calendar_of
from models.history import Floats, History
from models.runs import Mask

LEAST_LEVEL = 1e-9
"""A level under this, in any unit, is nothing to compare with."""
WEEKS_BACK = 3
"""A day is held against the same weekday of so many weeks before."""
SHIFT_DAYS = 7
"""A level has shifted for good when it lasted so many days."""
SHIFT_DAYS_AGREED = 6
"""Of those, so many must have moved the same way."""
SHIFT_SHARE = 0.2
"""A shift moves the level by at least this share of it."""
REGIME_DAYS = 2
"""Days do not run as they did when so many, one after the other, are unlike their weekday's past."""
REGIME_SHARE = 0.25
"""An unlike day differs, hour by hour, by at least this share of the series' level."""
TIMES_USUAL = 1.5
"""And by so many times what nine in ten of the days before did: over 32 buildings of Cambridge in the calm summer of
2019 that tells of one break a series in seven months, and through the lockdown of 2020, of 20 of the 25 buildings whose
load fell by a fifth and more (five weeks of history at a time)."""
DAYS_JUDGED = 35
"""What is usual is taken over so many days."""
UNJUDGED_DAYS = 14
"""The newest days do not count as usual: they are what is judged, as long as it is told."""
USUAL_DAYS_MIN = 7
"""With fewer of them nothing is called unusual."""
HOURS_MIN = 12
"""A day of which fewer hours can be compared is not judged."""


@dataclass(frozen=True, slots=True, eq=False)
class Habits:
    """How each of the newest days compares, shape (series, days), the newest last; NaN where it is not judged.

    Parameters
    ----------
    moved
        By how much its level lies above that of its weekday before, as a share of the series' level.
    unlike
        By how much its hours differ from those of its weekday before, as a share of the series' level.
    """

    moved: Floats
    unlike: Floats

    @classmethod
    def of(cls, history: History) -> Habits:
        """Compare the last days of a history; days end where it ends."""
        days = DAYS_JUDGED + UNJUDGED_DAYS
        hourly = _local_hours(history, days + 7 * WEEKS_BACK).reshape(len(history.series_ids), -1, 24)
        now = hourly[:, 7 * WEEKS_BACK :]
        past = np.stack([hourly[:, 7 * (WEEKS_BACK - back) :][:, :days] for back in range(1, WEEKS_BACK + 1)])
        usual = _median(np.moveaxis(past, 0, -1))
        level = _median(np.abs(hourly.reshape(len(hourly), -1)))
        level = np.where(level > LEAST_LEVEL, level, np.nan)[:, None]
        change = now - usual
        judged = np.isfinite(change).sum(axis=2) >= HOURS_MIN
        moved = np.where(judged, _median(change), np.nan) / level
        unlike = np.where(judged, _mean(np.abs(change)), np.nan) / level
        return cls(moved, unlike)

    def shifted(self) -> Mask:
        """Whether the level of each series has shifted for good."""
        lately, before = self.moved[:, -SHIFT_DAYS:], np.abs(self.moved[:, :-UNJUDGED_DAYS])
        limit = np.maximum(SHIFT_SHARE, TIMES_USUAL * _usual(before))[:, None]
        up, down = (lately > limit).sum(axis=1), (lately < -limit).sum(axis=1)
        return np.asarray((up >= SHIFT_DAYS_AGREED) | (down >= SHIFT_DAYS_AGREED))

    def broken(self) -> Mask:
        """Whether the newest days of each series are unlike their weekday's past."""
        lately, before = self.unlike[:, -REGIME_DAYS:], self.unlike[:, :-UNJUDGED_DAYS]
        limit = np.maximum(REGIME_SHARE, TIMES_USUAL * _usual(before))[:, None]
        broken: Mask = np.all(lately > limit, axis=1)
        return broken


def _usual(days: Floats) -> Floats:
    """Return what nine in ten days stay below; infinite where too few days tell."""
    known = np.isfinite(days).sum(axis=1)
    place = np.maximum(np.ceil(0.9 * known).astype(np.int64) - 1, 0)
    found = np.take_along_axis(np.sort(days, axis=1), place[:, None], axis=1)[:, 0]
    return np.where(known >= USUAL_DAYS_MIN, found, np.inf)


def _local_hours(history: History, days: int) -> Floats:
    """Return hourly means by the local clock, of the last ``days`` times 24 hours, shape (series, hours).

    An hour that a change of the clocks skips is NaN; one that comes twice counts as it came last.
    """
    step = history.steps_per_hour
    whole = history.length // step * step
    hourly = _mean(history.values[:, history.length - whole :].reshape(len(history.series_ids), -1, step))
    calendar = calendar_of(history.start, history.plan.step, history.length + history.plan.steps)
    offset_h = calendar.offset_s[history.length - whole : history.length][step - 1 :: step] // 3600
    hours = np.full((len(hourly), days * 24), np.nan)
    if hourly.shape[1]:
        place = np.arange(hourly.shape[1]) - hourly.shape[1] + hours.shape[1] + offset_h - offset_h[-1]
        within = (place >= 0) & (place < hours.shape[1])
        hours[:, place[within]] = hourly[:, within]
    return hours


def _mean(values: Floats) -> Floats:
    """Return the mean of the known values along the last axis, NaN where there is none."""
    count = np.isfinite(values).sum(axis=-1)
    return np.where(count > 0, np.nansum(values, axis=-1) / np.maximum(count, 1), np.nan)


def _median(values: Floats) -> Floats:
    """Return the median of the known values along the last axis, NaN where there is none."""
    ordered = np.sort(values, axis=-1)
    count = np.isfinite(values).sum(axis=-1, keepdims=True)
    low = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0), axis=-1)
    high = np.take_along_axis(ordered, np.minimum(count // 2, ordered.shape[-1] - 1), axis=-1)
    return ((low + high) / 2)[..., 0]
