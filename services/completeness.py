"""Completeness as a service: the local days of a commune's sensors, and the hours of one series."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from core.clock import Window, floor_to_step
from core.metrics import Family, metric_named
from core.quality.completeness import (
    HOUR,
    VALID_SHARE,
    Completeness,
    completeness_of,
    enough_slots,
    expected_in_hour,
    local_days,
    worst,
)
from core.store.pool import Connection
from core.store.rollups import Channel, HourRollUp, read_channels, read_day_slots, read_hours


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
    enough = {one.series_id: enough_slots(interval_of(one)) for one in channels}
    filled = read_day_slots(connection, enough, [day.window for day in days])
    found = []
    for _, several in groupby(channels, key=lambda one: one.sensor_id):
        own = list(several)
        told = []
        for number, day in enumerate(days):
            each = [_of_day(one, day.window, now, filled.get((one.series_id, number), (0, 0))) for one in own]
            due = [one for one in each if one.hours_due]
            if due:
                told.append((day.day, worst(due)))
        found.append(SensorDays(own[0].sensor_id, own[0].external_id, own[0].name, told))
    return found


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
    kept = {one.hour: one for one in read_hours(connection, series_id, window)}
    hours = [start + number * HOUR for number in range(max(0, -(-(end - start) // HOUR)))]
    return [_of_hour(hour, kept.get(hour), expected_in_hour(interval_of(channel))) for hour in hours]


def _of_hour(hour: datetime, kept: HourRollUp | None, expected: int) -> HourCompleteness:
    if kept is None:
        return HourCompleteness(hour, 0, 0, expected, None)
    return HourCompleteness(hour, kept.count, kept.good, expected, kept.slots / expected if kept.slots else None)


def _of_day(channel: Channel, day: Window, now: datetime, filled: tuple[int, int]) -> Completeness:
    return completeness_of(day, life_of(channel, now), interval_of(channel), filled)


def life_of(channel: Channel, now: datetime) -> Window:
    """Return the whole hours in which readings of a series are due: the hour under way is not yet."""
    end = floor_to_step(min(now, channel.retired_at or now), HOUR)
    return Window(channel.first_hour, max(end, channel.first_hour))


def interval_of(channel: Channel) -> timedelta:
    """Return how often a series should speak: as its sensor says, or else as its metric expects."""
    if channel.interval_s is None:
        return metric_named(channel.metric).step
    return timedelta(seconds=channel.interval_s)


def _measures(channel: Channel) -> bool:
    return metric_named(channel.metric).family is not Family.HEALTH
