"""Daily roll-ups by local day of Europe/Paris, from the hours; and what days come to by week and month.

Hours are of UTC, and Paris is always whole hours away from it: each hour lies in one local day of 23, 24 or 25.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Self

import numpy as np

from core.clock import EPOCH, PARIS
from core.columns import Floats, Ints, Mask, from_microseconds, to_microseconds
from core.metrics import Nature
from core.quality.completeness import enough_slots
from core.quality.hours import Hours

_FIRST_DAY = EPOCH.date()
_DAYS_KEPT = 40_000


@dataclass(frozen=True, eq=False)
class Days:
    """Roll-ups, one element of each column per period of a series that has hours, in order of series and period.

    A period is a local day, or what days are gathered by. One without a roll-up of any of its hours has none.

    Parameters
    ----------
    days
        The local day, or the first of the period, in days since `core.clock.EPOCH`.
    count, good, slots
        Sums over the hours.
    hours
        Hours with a value: of an index or a count with a known increment, of any other metric with a mean.
    hours_valid
        Hours that were complete to 75 %.
    mean
        Of a state its share of the known time, of any other metric the mean of its hours' means; NaN where none is.
    low, high, last
        Of the hours'; NaN where none has one.
    increment
        Sum of the known increments; NaN where none is known.
    known_s
        Of a state: seconds in which it was known; NaN where it never was, and for every other metric.
    """

    series: Ints
    days: Ints
    count: Ints
    good: Ints
    slots: Ints
    hours: Ints
    hours_valid: Ints
    mean: Floats
    low: Floats
    high: Floats
    last: Floats
    increment: Floats
    known_s: Floats

    def taken(self, wanted: Mask) -> Self:
        """Return the periods where ``wanted``."""
        return type(self)(*(getattr(self, column.name)[wanted] for column in fields(self)))

    def __len__(self) -> int:
        return len(self.days)


def day_number(day: date) -> int:
    """Return how many days a local day lies after the first of `core.clock.EPOCH`."""
    return (day - _FIRST_DAY).days


def day_numbered(number: int) -> date:
    """Return the local day so many days after the first of `core.clock.EPOCH`."""
    return _FIRST_DAY + timedelta(days=number)


@lru_cache(_DAYS_KEPT)
def day_start(number: int) -> int:
    """Return when a local day begins, microseconds since `core.clock.EPOCH`."""
    return to_microseconds(datetime.combine(day_numbered(number), time(), tzinfo=PARIS))


def days_of(times: Ints) -> Ints:
    """Return the local day that holds each instant, in days since `core.clock.EPOCH`."""
    if not len(times):
        return times
    first, last = (
        day_number(from_microseconds(int(end)).astimezone(PARIS).date()) for end in (times.min(), times.max())
    )
    starts = np.array([day_start(number) for number in range(first, last + 1)])
    days: Ints = first + np.searchsorted(starts, times, side="right") - 1
    return days


def roll_up_days(hours: Hours, nature: Nature, interval: Ints) -> Days:
    """Return the roll-up of each local day that hours of series of one nature lie in.

    A day's figures are final when all of its hours are there. ``interval`` is the expected time between readings of
    each hour's series, microseconds.
    """
    counted = hours.increment if nature in (Nature.INDEX, Nature.COUNT) else hours.mean
    weight = hours.known_s if nature is Nature.STATE else np.ones(len(hours))
    of = _Groups.of(hours.series, days_of(hours.hours))
    return of.come_to(hours, ~np.isnan(counted), hours.slots >= enough_slots(interval), weight)


def gather(days: Days, nature: Nature, period_of: Callable[[date], date]) -> Days:
    """Return what days come to by longer periods: ``period_of`` names a day's period by its first day."""
    numbers, place = np.unique(days.days, return_inverse=True)
    firsts = np.array([day_number(period_of(day_numbered(number))) for number in numbers.tolist()], dtype=np.int64)
    of = _Groups.of(days.series, firsts[place] if len(firsts) else days.days)
    weight = days.known_s if nature is Nature.STATE else days.hours.astype(np.float64)
    return of.come_to(days, days.hours, days.hours_valid, weight)


def week_of(day: date) -> date:
    """Return the Monday of a day's week (ISO 8601)."""
    return day - timedelta(days=day.weekday())


def month_of(day: date) -> date:
    """Return the first of a day's month."""
    return day.replace(day=1)


@dataclass(frozen=True, eq=False)
class _Groups:
    """Rows in order of series and time, cut into periods; sums run in that order, so that the same rows give the same.

    Missing values are NaN: left out, and what has no other comes to NaN.
    """

    series: Ints
    days: Ints
    starts: Ints
    owner: Ints

    @classmethod
    def of(cls, series: Ints, days: Ints) -> Self:
        opens = np.append(True, (np.diff(days) != 0) | (np.diff(series) != 0))[: len(days)]
        starts = np.flatnonzero(opens)
        return cls(series[starts], days[starts], starts, np.cumsum(opens) - 1)

    def come_to(self, rows: Hours | Days, hours: Ints | Mask, hours_valid: Ints | Mask, weight: Floats) -> Days:
        return Days(
            series=self.series,
            days=self.days,
            count=self.added(rows.count),
            good=self.added(rows.good),
            slots=self.added(rows.slots),
            hours=self.added(hours),
            hours_valid=self.added(hours_valid),
            mean=self.mean(rows.mean, weight),
            low=self.least(rows.low),
            high=self.most(rows.high),
            last=self.last(rows.last),
            increment=self.sum(rows.increment),
            known_s=self.sum(rows.known_s),
        )

    def sum(self, values: Floats) -> Floats:
        known = ~np.isnan(values)
        sums = np.bincount(self.owner, weights=np.where(known, values, 0.0), minlength=len(self.starts))
        some = np.bincount(self.owner, weights=known, minlength=len(self.starts)) > 0
        return np.where(some, sums, np.nan)

    def added(self, counts: Ints | Mask) -> Ints:
        return np.bincount(self.owner, weights=counts, minlength=len(self.starts)).astype(np.int64)

    def mean(self, values: Floats, weight: Floats) -> Floats:
        known = ~np.isnan(values)
        weighed = self.sum(np.where(known, weight * np.where(known, values, 0.0), np.nan))
        total = self.sum(np.where(known, weight, np.nan))
        means: Floats = np.divide(weighed, total, out=np.full(len(total), np.nan), where=total > 0)
        return means

    def least(self, values: Floats) -> Floats:
        # Of no rows `reduceat` says nothing.
        return np.fmin.reduceat(values, self.starts) if len(values) else values

    def most(self, values: Floats) -> Floats:
        return np.fmax.reduceat(values, self.starts) if len(values) else values

    def last(self, values: Floats) -> Floats:
        if not len(values):
            return values
        place = np.where(np.isnan(values), -1, np.arange(len(values)))
        newest = np.maximum.reduceat(place, self.starts)
        return np.where(newest >= 0, values[np.maximum(newest, 0)], np.nan)
