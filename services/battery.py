"""A sensor's battery as its page tells it: its level by day, and when it will be empty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

import numpy as np

from core.clock import PARIS
from core.columns import Floats, Ints
from core.metrics import metric_named
from core.places import Sensor, Series
from core.quality.days import day_numbered
from core.store.alarm_rules import read_rules
from core.store.pool import Connection
from core.store.rollups import read_days
from services.alarms.conditions.battery import DAYS_MIN, YEARS_MAX, battery_end
from services.uplink import empty_level

METRICS = ("battery_ratio", "battery_v")
"""What tells of a battery; a share says more of its end than a voltage, which stays level for years."""
HISTORY_DAYS = 400


class WhyNot(StrEnum):
    """Why no end of a battery is told."""

    NO_BATTERY = "no_battery"
    """The sensor says nothing of one."""
    NO_LEVEL = "no_level"
    """No rule says what empty is."""
    TOO_SHORT = "too_short"
    """Too few days are known since it was put in."""
    NOT_FALLING = "not_falling"


@dataclass(frozen=True, slots=True)
class Ends:
    """When a battery will be empty, by local day: p10, median and p90; ``latest`` is None where it may never be."""

    earliest: date
    likely: date
    latest: date | None


@dataclass(frozen=True, slots=True)
class Battery:
    """A battery's level.

    Parameters
    ----------
    points
        Mean of each local day, oldest first, in the stored unit of ``metric``.
    empty_at
        What counts as empty, in the same unit.
    """

    metric: str
    points: tuple[tuple[date, float], ...]
    empty_at: float | None
    ends: Ends | None
    why_not: WhyNot | None

    @property
    def unit(self) -> str:
        """Of its values."""
        return metric_named(self.metric).unit


def read_battery(connection: Connection, sensor: Sensor, series: Sequence[Series], now: datetime) -> Battery | None:
    """Return the level of a sensor's battery over `HISTORY_DAYS` and its end; None where it tells of none."""
    found = next((one for name in METRICS for one in series if one.metric == name), None)
    if found is None:
        return None
    today = now.astimezone(PARIS).date()
    days = read_days(connection, [found.series_id], today - timedelta(days=HISTORY_DAYS), today)
    known = np.isfinite(days.mean)
    numbers, values = days.days[known], days.mean[known]
    empty_at = empty_level(read_rules(connection, enabled_only=True), found.metric, sensor)
    ends, why_not = end_of(numbers, values, empty_at)
    points = tuple(zip(map(day_numbered, numbers.tolist()), values.tolist(), strict=True))
    return Battery(found.metric, points, empty_at, ends, why_not)


def end_of(numbers: Ints, values: Floats, empty_at: float | None) -> tuple[Ends | None, WhyNot | None]:
    """Return when a battery will be empty by the line through its last days, or why nobody can say."""
    if empty_at is None:
        return None, WhyNot.NO_LEVEL
    end = battery_end(numbers, values, empty_at)
    if end is None:
        return None, WhyNot.TOO_SHORT if len(numbers) < DAYS_MIN else WhyNot.NOT_FALLING
    last = float(numbers[-1]) + YEARS_MAX * 365.25
    if end.earliest > last:
        return None, WhyNot.NOT_FALLING
    earliest, likely = day_numbered(round(end.earliest)), day_numbered(round(min(end.likely, last)))
    latest = None if end.latest is None else day_numbered(round(end.latest))
    return Ends(earliest, likely, latest), None
