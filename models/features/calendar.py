"""The local calendar of Paris over a grid of steps: hours people live by, holidays, school vacations of zone C."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

import holidays
import numpy as np
import numpy.typing as npt
from vacances_scolaires_france import SchoolHolidayDates

from core.clock import PARIS

Floats32 = npt.NDArray[np.float32]

_DAY = timedelta(days=1)
_FRENCH = holidays.country_holidays("FR")
_SCHOOL = SchoolHolidayDates()
_SCHOOL_LAST_DAY = max(_SCHOOL.data)
_SCHOOL_FIRST_DAY = min(_SCHOOL.data)


def is_holiday(day: date) -> bool:
    """Whether this day is a French public holiday (metropolitan France)."""
    return day in _FRENCH


def is_school_vacation(day: date) -> float:
    """Return 1 in the school vacations of zone C (Paris, Créteil, Versailles), else 0; NaN where none are published."""
    if not _SCHOOL_FIRST_DAY <= day <= _SCHOOL_LAST_DAY:
        return float("nan")
    return float(_SCHOOL.is_holiday_for_zone(day, "C"))


@lru_cache(maxsize=4096)
def _day_marks(day: date) -> tuple[float, ...]:
    """Return weekday, holiday, the day after and before one, school vacation, and whether people work that day."""
    works = day.weekday() < 5 and not is_holiday(day)
    return (
        float(day.weekday()),
        float(is_holiday(day)),
        float(is_holiday(day - _DAY)),
        float(is_holiday(day + _DAY)),
        is_school_vacation(day),
        float(works),
    )


@dataclass(frozen=True, slots=True)
class Calendar:
    """Local time of each step of a grid; one array element per step.

    Parameters
    ----------
    offset_s
        Local time minus UTC, in seconds: 3600 in winter, 7200 in summer.
    hour
        Local hour with its fraction, [0, 24). A 23-hour day lacks [2, 3); a 25-hour day has it twice.
    weekday
        0 is Monday.
    holiday, day_after_holiday, day_before_holiday, works
        1 or 0.
    school_vacation
        1 or 0 for zone C; NaN where no dates are published.
    """

    offset_s: npt.NDArray[np.int64]
    hour: Floats32
    weekday: Floats32
    holiday: Floats32
    day_after_holiday: Floats32
    day_before_holiday: Floats32
    school_vacation: Floats32
    works: Floats32


@lru_cache(maxsize=16)
def calendar_of(start: datetime, step: timedelta, count: int) -> Calendar:
    """Return the local calendar of ``count`` steps from ``start`` (aware)."""
    offsets, hours, marks = [], [], []
    for index in range(count):
        local = (start + index * step).astimezone(PARIS)
        offset = local.utcoffset()
        assert offset is not None, "Paris is a time zone"
        offsets.append(int(offset.total_seconds()))
        hours.append(local.hour + local.minute / 60)
        marks.append(_day_marks(local.date()))
    columns = np.array(marks, dtype=np.float32).reshape(count, 6)
    return Calendar(
        np.array(offsets, dtype=np.int64), np.array(hours, dtype=np.float32), *(columns[:, mark] for mark in range(6))
    )
