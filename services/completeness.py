"""Completeness as a service: the local days of a commune's sensors, and the hours of one series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from core.clock import Window, floor_to_step
from core.columns import from_microseconds
from core.metrics import Family, expected_interval, metric_named
from core.quality.completeness import (
    HOUR,
    VALID_SHARE,
    Completeness,
    LocalDay,
    completeness_of,
    expected_in_hour,
    local_days,
    worst,
)
from core.quality.days import day_numbered
from core.store.channels import Channel, read_channels
from core.store.pool import Connection
from core.store.rollups import read_days, read_hours


@dataclass(frozen=True, slots=True)
class SensorDays:
    """The local days of a sensor on which readings were due, oldest first."""

    sensor_id: int
    external_id: str
    name: str
    days: list[tuple[date, Completeness]]


def read_sensor_days(connection: Connection, commune: str, window: Window, now: datetime) -> list[SensorDays]:
    """Return how complete the local days that ``window`` touches were, for each sensor of a commune that ever spoke.

    A sensor is as complete as the worst of its series; what it tells of its own health does not count.
    """
    days = list(local_days(window))
    channels = [one for one in read_channels(connection, commune=commune) if _measures(one)]
    filled = _filled(connection, [one.series_id for one in channels], days)
    found = []
    for _, several in groupby(channels, key=lambda one: one.sensor_id):
        own = list(several)
        told = []
        for day in days:
            each = [_of_day(one, day.window, now, filled.get((one.series_id, day.day), (0, 0))) for one in own]
            due = [one for one in each if one.hours_due]
            if due:
                told.append((day.day, worst(due)))
        found.append(SensorDays(own[0].sensor_id, own[0].external_id, own[0].name, told))
    return found


def _filled(
    connection: Connection, series_ids: list[int], days: Sequence[LocalDay]
) -> dict[tuple[int, date], tuple[int, int]]:
    """Return slots filled and valid hours by series and local day; a day that nothing came of is absent."""
    if not days:
        return {}
    rolled = read_days(connection, series_ids, days[0].day, days[-1].day)
    dates = [day_numbered(number) for number in rolled.days.tolist()]
    filled = zip(rolled.slots.tolist(), rolled.hours_valid.tolist(), strict=True)
    return dict(zip(zip(rolled.series.tolist(), dates, strict=True), filled, strict=True))


@dataclass(frozen=True, slots=True)
class HourCompleteness:
    """How complete an hour of a series was: ``ratio`` is None where nothing came."""

    hour: datetime
    readings: int
    good: int
    expected: int
    ratio: float | None

    @property
    def valid(self) -> bool:
        """Whether 75 % of it was measured."""
        return (self.ratio or 0.0) >= VALID_SHARE


def read_series_hours(connection: Connection, series_id: int, window: Window, now: datetime) -> list[HourCompleteness]:
    """Return the hours of ``window`` in which readings of a series were due, oldest first."""
    channels = read_channels(connection, series_id=series_id)
    if not channels:
        return []
    [channel] = channels
    alive = life_of(channel, now)
    start = max(floor_to_step(window.start, HOUR), alive.start)
    end = min(window.end, alive.end)
    expected = expected_in_hour(interval_of(channel))
    rolled = read_hours(connection, series_id, window)
    told = zip(rolled.count.tolist(), rolled.good.tolist(), rolled.slots.tolist(), strict=True)
    kept = dict(zip(map(from_microseconds, rolled.hours.tolist()), told, strict=True))
    found = []
    for number in range(max(0, -(-(end - start) // HOUR))):
        count, good, slots = kept.get(start + number * HOUR, (0, 0, 0))
        ratio = slots / expected if slots else None
        found.append(HourCompleteness(start + number * HOUR, count, good, expected, ratio))
    return found


def _of_day(channel: Channel, day: Window, now: datetime, filled: tuple[int, int]) -> Completeness:
    return completeness_of(day, life_of(channel, now), interval_of(channel), filled)


def life_of(channel: Channel, now: datetime) -> Window:
    """Return the whole hours in which readings of a series are due: the hour under way is not yet."""
    end = floor_to_step(min(now, channel.retired_at or now), HOUR)
    return Window(channel.first_hour, max(end, channel.first_hour))


def interval_of(channel: Channel) -> timedelta:
    """Return how often a series should speak: as its sensor says, or else as its metric expects."""
    return expected_interval(channel.metric, channel.interval_s)


def _measures(channel: Channel) -> bool:
    return metric_named(channel.metric).family is not Family.HEALTH
