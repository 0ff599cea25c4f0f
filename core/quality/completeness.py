"""Completeness: what share of the readings that were due came, per hour and per local day.

Directive 2008/50/EC, annex XI, and Directive (EU) 2024/2881, annex on data quality, count an hour's value when 75 % of
it was measured, and a day when 75 % of its hours count. Local days are of Europe/Paris and have 23, 24 or 25 hours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import numpy as np

from core.clock import PARIS, Window, in_utc
from core.columns import Ints
from core.quality.traces import HOUR_US

VALID_SHARE = 0.75
HOUR = timedelta(hours=1)


def expected_slots(interval: Ints) -> Ints:
    """Return how many readings an hour expects, by the microseconds between them: 1 at least."""
    return np.maximum(np.rint(HOUR_US / interval), 1).astype(np.int64)


def enough_slots(interval: Ints) -> Ints:
    """Return how many filled slots make an hour valid, by the microseconds between readings."""
    enough: Ints = np.ceil(VALID_SHARE * expected_slots(interval)).astype(np.int64)
    return enough


@dataclass(frozen=True, slots=True)
class LocalDay:
    """A day of Europe/Paris: its date, and its hours in UTC."""

    day: date
    window: Window

    @property
    def hours(self) -> int:
        """23, 24 or 25."""
        return self.window.length // HOUR


def local_days(window: Window) -> Iterator[LocalDay]:
    """Yield the local days that a window touches, oldest first."""
    day = window.start.astimezone(PARIS).date()
    while (start := _midnight(day)) < window.end:
        following = day + timedelta(days=1)
        yield LocalDay(day, Window(start, _midnight(following)))
        day = following


def _midnight(day: date) -> datetime:
    return in_utc(datetime.combine(day, time(), tzinfo=PARIS))


def expected_in_hour(interval: timedelta) -> int:
    """Return how many readings an hour expects of a series that speaks every ``interval``: 1 at least."""
    return max(round(HOUR / interval), 1)


@dataclass(frozen=True, slots=True)
class Completeness:
    """How complete a series was on a local day.

    Parameters
    ----------
    ratio
        Share of the due readings that came and were not bad, 0 to 1; None where none came.
    hours_valid, hours_due
        Hours that were complete to 75 %, of those in which readings were due.
    """

    ratio: float | None
    hours_valid: int
    hours_due: int

    @property
    def valid(self) -> bool:
        """Whether three quarters of the hours due are valid: only then does a daily figure stand for the day."""
        return self.hours_due > 0 and self.hours_valid >= VALID_SHARE * self.hours_due


def completeness_of(day: Window, alive: Window, interval: timedelta, filled: tuple[int, int]) -> Completeness:
    """Return how complete a day was, from its roll-ups.

    Parameters
    ----------
    day
        The local day, 23 to 25 hours.
    alive
        From the series' first reading until now, or until its sensor was retired: only its whole hours are due.
    interval
        How often the series speaks. Where that is less than once an hour, the day is judged as a whole: its hours count
        as valid by its ratio.
    filled
        Slots filled that day, and how many hours have `enough_slots` of them.
    """
    slots, hours_valid = filled
    due = hours_due(day, alive)
    if not slots or not due:
        return Completeness(None, 0, due)
    if interval > HOUR:
        ratio = min(1.0, slots / max(1, round(due * HOUR / interval)))
        return Completeness(ratio, round(ratio * due), due)
    return Completeness(min(1.0, slots / (due * expected_in_hour(interval))), min(hours_valid, due), due)


def worst(several: Sequence[Completeness]) -> Completeness:
    """Return the least complete of several series: a sensor is as complete as the worst of its channels."""
    return min(several, key=lambda one: (one.hours_valid - one.hours_due, one.ratio or 0.0))


def hours_due(window: Window, alive: Window) -> int:
    """Return how many whole hours of ``window`` lie in the life of a series; the hour of its first reading counts."""
    start = max(window.start, alive.start.replace(minute=0, second=0, microsecond=0))
    end = min(window.end, alive.end)
    return max(0, (end - start) // HOUR)
