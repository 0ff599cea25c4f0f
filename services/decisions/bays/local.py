"""Local hours over arrays of seconds: rules and habits follow the clocks of Paris."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.clock import PARIS

HOUR_S = 3_600
DAY_S = 86_400
WEEK_HOURS = 168
_EPOCH = date(1970, 1, 1)

Seconds = NDArray[np.int64]
Indices = NDArray[np.int64]


_BLOCK_HOURS = 8_192


@lru_cache(maxsize=64)
def _block(block: int) -> Seconds:
    """Return the offset of Paris from UTC in each hour of a block of hours; the clock changes on whole UTC hours."""
    hours = range(block * _BLOCK_HOURS, (block + 1) * _BLOCK_HOURS)
    return np.array([_offset_s(hour) for hour in hours], dtype=np.int64)


def _offset_s(utc_hour: int) -> int:
    offset = datetime.fromtimestamp(utc_hour * HOUR_S, tz=UTC).astimezone(PARIS).utcoffset()
    assert offset is not None, "Paris is a time zone"
    return int(offset.total_seconds())


def local_s(at_s: Seconds) -> Seconds:
    """Return the seconds since 1970 that Paris clocks show, as if they were UTC."""
    if not at_s.size:
        return at_s
    hours = at_s // HOUR_S
    first, last = int(hours.min()) // _BLOCK_HOURS, int(hours.max()) // _BLOCK_HOURS
    table = np.concatenate([_block(block) for block in range(first, last + 1)])
    shown: Seconds = at_s + table[hours - first * _BLOCK_HOURS]
    return shown


def local_days(at_s: Seconds) -> Indices:
    """Return local dates, in days since 1970."""
    return local_s(at_s) // DAY_S


def week_hours(at_s: Seconds) -> Indices:
    """Return the local hour of the week of each instant: 0 is Monday 00:00 to 01:00, 167 Sunday 23:00 on."""
    shown = local_s(at_s)
    # 1 January 1970 was a Thursday.
    return (shown // DAY_S + 3) % 7 * 24 + shown % DAY_S // HOUR_S


def is_daytime(at_s: Seconds) -> NDArray[np.bool_]:
    """Return where Paris clocks show 06:00 to 20:00: residents park in the other hours."""
    hour = local_s(at_s) % DAY_S // HOUR_S
    return (hour >= 6) & (hour < 20)


def instant_of(day: int, hour: float) -> int:
    """Return the second at which Paris clocks show ``hour`` (0 to 24) on this local date (days since 1970)."""
    shown = datetime.combine(_EPOCH + timedelta(days=day), datetime.min.time()) + timedelta(hours=hour)
    return int(shown.replace(tzinfo=PARIS).timestamp())


def iso_weekday(day: int) -> int:
    """Return the ISO weekday of a local date in days since 1970: 1 is Monday."""
    return (day + 3) % 7 + 1
