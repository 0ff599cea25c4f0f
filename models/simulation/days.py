"""Days as the town lives them: UTC days to cut the work, Paris local time for habits, and the days off of zone C."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from math import isnan

import numpy as np
from numpy.typing import NDArray

from core.clock import PARIS
from models.features.calendar import is_holiday, is_school_vacation

DAY_S = 86_400
HOUR_S = 3_600
OPENED = date(2025, 1, 1)
"""The day on which the town's sensors were set up: nothing was read before."""

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class SeededDay:
    """One UTC day of one town.

    Parameters
    ----------
    ordinal
        Its date, as `datetime.date.toordinal` counts.
    """

    seed: int
    ordinal: int

    @property
    def start_s(self) -> int:
        """Its first second, since 1970."""
        return (self.ordinal - _EPOCH_ORDINAL) * DAY_S

    def grid(self, step_s: int, phase_s: int = 0) -> NDArray[np.int64]:
        """Return the instants of this day (seconds since 1970) every ``step_s``, first after ``phase_s``."""
        return np.arange(self.start_s + phase_s, self.start_s + DAY_S, step_s, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class LocalTimes:
    """What clocks and calendars in Paris show at some instants, one element each.

    Parameters
    ----------
    ordinals
        Local dates, as `datetime.date.toordinal` counts.
    hours
        Hours since local midnight as the clock shows them, in [0, 24).
    weekdays
        0 for Monday to 6 for Sunday.
    """

    ordinals: NDArray[np.int64]
    hours: NDArray[np.float64]
    weekdays: NDArray[np.int64]

    @classmethod
    def at(cls, epoch_s: NDArray[np.int64]) -> LocalTimes:
        """Return the local times of these instants (seconds since 1970)."""
        # The clock changes at 01:00 UTC: within one UTC hour the offset is one number.
        hours, place = np.unique(epoch_s // HOUR_S, return_inverse=True)
        local_s = epoch_s + np.array([_offset_s(int(hour)) for hour in hours], dtype=np.int64)[place]
        ordinals = local_s // DAY_S + _EPOCH_ORDINAL
        return cls(ordinals, (local_s % DAY_S) / HOUR_S, (ordinals + 6) % 7)

    def days_off(self) -> NDArray[np.bool_]:
        """Return where it is a public holiday."""
        return self._where(is_public_holiday)

    def school_holidays(self) -> NDArray[np.bool_]:
        """Return where schools of zone C are on holiday."""
        return self._where(is_school_holiday)

    def in_month(self, month: int) -> NDArray[np.bool_]:
        """Return where it is this month of the year, 1 to 12."""
        return self._where(lambda ordinal: date.fromordinal(ordinal).month == month)

    def _where(self, holds: Callable[[int], bool]) -> NDArray[np.bool_]:
        days, place = np.unique(self.ordinals, return_inverse=True)
        return np.array([holds(day) for day in days.tolist()], dtype=np.bool_)[place]


def weekday_on(ordinal: int) -> int:
    """Return the weekday of this date, 0 for Monday."""
    return (ordinal + 6) % 7


def local_hour_s(ordinal: int, hour: float) -> int:
    """Return the second (since 1970) at which Paris clocks show ``hour`` on this local date."""
    day = date.fromordinal(ordinal)
    minutes = round(hour * 60)
    return int(datetime(day.year, day.month, day.day, minutes // 60, minutes % 60, tzinfo=PARIS).timestamp())


@lru_cache(maxsize=8192)
def is_public_holiday(ordinal: int) -> bool:
    """Whether this local date is a French public holiday."""
    return is_holiday(date.fromordinal(ordinal))


@lru_cache(maxsize=8192)
def is_school_holiday(ordinal: int) -> bool:
    """Whether schools of zone C are closed for holidays on this local date.

    In years whose calendar is not yet published, only July and August are known to be free.
    """
    day = date.fromordinal(ordinal)
    published = is_school_vacation(day)
    return day.month in {7, 8} if isnan(published) else bool(published)


@lru_cache(maxsize=8192)
def _offset_s(epoch_hour: int) -> int:
    offset = datetime.fromtimestamp(epoch_hour * HOUR_S, tz=UTC).astimezone(PARIS).utcoffset()
    assert offset is not None, "an aware datetime has an offset"
    return int(offset.total_seconds())
