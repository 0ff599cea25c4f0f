"""Roll-ups as a service: a series by hour, local day, week or month, as it is known now or was at an instant."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Self

import numpy as np

from core.clock import PARIS, Window
from core.columns import MICROSECOND, Floats, Ints, from_microseconds, to_microseconds
from core.metrics import Nature, metric_named
from core.quality.completeness import enough_slots
from core.quality.days import Days, day_number, day_numbered, day_start, gather, month_of, roll_up_days, week_of
from core.quality.hours import Hours
from core.quality.traces import HOUR_US
from core.store.channels import Channel, read_channels
from core.store.pool import Connection
from core.store.rollups import read_days, read_hours
from services.completeness import interval_of, life_of
from services.quality import roll_up_as_of


class Grain(StrEnum):
    """By what a series is rolled up; all but the hour are of local days of Europe/Paris."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    """From Monday on, as ISO 8601 has it."""
    MONTH = "month"


def _day_itself(day: date) -> date:
    return day


_FIRST: Mapping[Grain, Callable[[date], date]] = MappingProxyType(
    {Grain.DAY: _day_itself, Grain.WEEK: week_of, Grain.MONTH: month_of}
)
"""The first day of the period that holds a day."""


@dataclass(frozen=True, slots=True, eq=False)
class Periods:
    """What a series comes to in each ``[start, end)``, oldest first: hours, or one or several local days.

    Instants are microseconds since `core.clock.EPOCH`; ``days`` has the first local day of each, None for hours. The
    figures are those of `core.quality.days.Days`, and ``hours_due`` is how many whole hours of each lie in the life of
    the series, so that a half-known period can be told from a whole one.
    """

    starts: Ints
    ends: Ints
    days: Sequence[date | None]
    count: Ints
    good: Ints
    hours: Ints
    hours_valid: Ints
    hours_due: Ints
    mean: Floats
    low: Floats
    high: Floats
    last: Floats
    increment: Floats
    known_s: Floats

    @classmethod
    def of_hours(cls, hours: Hours, channel: Channel, alive: Window) -> Self:
        """Return each hour as a period of its own."""
        valued = ~np.isnan(hours.increment if nature_of(channel) in (Nature.INDEX, Nature.COUNT) else hours.mean)
        valid = hours.slots >= enough_slots(np.array([interval_of(channel) // MICROSECOND]))
        counted = (valued.astype(np.int64), valid.astype(np.int64))
        return cls._with(hours, (hours.hours, hours.hours + HOUR_US), [None] * len(hours), counted, alive)

    @classmethod
    def of_days(cls, days: Days, by: Grain, alive: Window) -> Self:
        """Return local days, weeks or months."""
        firsts = [day_numbered(number) for number in days.days.tolist()]
        starts = np.array([_start_us(first) for first in firsts], dtype=np.int64)
        ends = np.array([_start_us(_after(by, first)) for first in firsts], dtype=np.int64)
        return cls._with(days, (starts, ends), firsts, (days.hours, days.hours_valid), alive)

    @classmethod
    def _with(
        cls,
        rolled: Hours | Days,
        bounds: tuple[Ints, Ints],
        days: Sequence[date | None],
        counted: tuple[Ints, Ints],
        alive: Window,
    ) -> Self:
        figures = (rolled.mean, rolled.low, rolled.high, rolled.last, rolled.increment, rolled.known_s)
        starts, ends = bounds
        lives_from = to_microseconds(alive.start) // HOUR_US * HOUR_US
        lived = np.minimum(ends, to_microseconds(alive.end)) - np.maximum(starts, lives_from)
        due = np.maximum(lived // HOUR_US, 0)
        return cls(starts, ends, days, rolled.count, rolled.good, *counted, due, *figures)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which roll-ups: of the periods that ``window`` touches, whole, or of the hours that start in it."""

    by: Grain
    window: Window
    as_of: datetime | None = None


def read_rollups(connection: Connection, series_id: int, asked: Asked, now: datetime) -> Periods | None:
    """Return the roll-ups of a series; a period that nothing came of is absent, None where nothing ever came.

    As of an instant, they are computed anew from the readings that had come, by the same rules: as they were told then.
    """
    channels = read_channels(connection, series_id=series_id)
    if not channels:
        return None
    [channel] = channels
    alive = life_of(channel, min(now, asked.as_of or now))
    if asked.by is Grain.HOUR:
        return Periods.of_hours(_read_hours(connection, series_id, asked), channel, alive)
    return Periods.of_days(_read_days(connection, channel, asked), asked.by, alive)


def nature_of(channel: Channel) -> Nature:
    """Return how values of a channel combine over time."""
    return metric_named(channel.metric).nature


def _read_hours(connection: Connection, series_id: int, asked: Asked) -> Hours:
    if asked.as_of is None:
        return read_hours(connection, series_id, asked.window)
    return roll_up_as_of(connection, series_id, asked.window, asked.as_of)


def _read_days(connection: Connection, channel: Channel, asked: Asked) -> Days:
    """Return the roll-ups of the periods that the window touches, from their days or, as of an instant, their hours."""
    first, after = _days_touched(asked)
    if asked.as_of is None:
        days = read_days(connection, [channel.series_id], first, after - timedelta(days=1))
    else:
        whole = Window(from_microseconds(_start_us(first)), from_microseconds(_start_us(after)))
        hours = roll_up_as_of(connection, channel.series_id, whole, asked.as_of)
        days = roll_up_days(hours, nature_of(channel), np.full(len(hours), interval_of(channel) // MICROSECOND))
    return days if asked.by is Grain.DAY else gather(days, nature_of(channel), _FIRST[asked.by])


def _days_touched(asked: Asked) -> tuple[date, date]:
    """Return the first local day of the periods that the window touches, one at least, and the day after them."""
    bounds = (asked.window.start, max(asked.window.start, asked.window.end - MICROSECOND))
    first, last = (bound.astimezone(PARIS).date() for bound in bounds)
    return _FIRST[asked.by](first), _after(asked.by, last)


def _after(by: Grain, day: date) -> date:
    """Return the day after the period that holds a day."""
    longest = {Grain.DAY: 1, Grain.WEEK: 7, Grain.MONTH: 31}[by]
    return _FIRST[by](_FIRST[by](day) + timedelta(days=longest))


def _start_us(day: date) -> int:
    return day_start(day_number(day))
