"""Charts as a service: a series over any window, in as many points as a screen has, from the finest that is cheap."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np

from core.clock import Window
from core.columns import MICROSECOND, Floats, from_microseconds, to_microseconds
from core.metrics import expected_interval, metric_named
from core.quality.completeness import HOUR
from core.quality.curves import Curve, readable_step
from core.quality.days import day_number
from core.quality.states import Holds
from core.quality.traces import NEAR_INTERVALS
from core.readings import Flag, Quality, Reading
from core.store.pool import Connection
from core.store.readings import Measured, read_measured
from core.store.retention import read_whole_since
from core.store.touched import read_lives
from services.rollups import Asked, Grain, Periods, read_rollups

READ_MAX = 20_000
"""Readings, or hours, that one chart is drawn from at most; of more, the coarser ones."""
DOUBTFUL_MAX = 200
DAY = timedelta(days=1)


class Source(StrEnum):
    """What a chart is drawn from."""

    RAW = "raw"
    HOUR = "hour"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class ChartAsked:
    """Which chart: of what window, in about how many points, as known when."""

    window: Window
    points: int
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """What a chart draws.

    Parameters
    ----------
    step
        What a point stands for, None where each is a reading.
    doubtful
        The newest readings that are not of good quality, oldest first, `DOUBTFUL_MAX` at most; of a chart from
        readings. Those marked bad are not in the curve.
    doubtful_count
        How many there are.
    """

    source: Source
    step: timedelta | None
    curve: Curve
    doubtful: list[Reading]
    doubtful_count: int


def read_chart(connection: Connection, series_id: int, asked: ChartAsked, now: datetime) -> Chart:
    """Return what a chart of a series draws.

    Raises
    ------
    KeyError
        If there is no series of this id.
    """
    lives = read_lives(connection, [series_id])
    if not lives:
        raise KeyError(series_id)
    metric = metric_named(lives[0].metric)
    interval = expected_interval(metric.name, lives[0].interval_s)
    source = source_of(asked.window, interval)
    # Where readings were let go of, their roll-ups stay. As of an instant, there is nothing but readings.
    if (
        source is Source.RAW
        and asked.as_of is None
        and asked.window.start < read_whole_since(connection, metric.family)
    ):
        source = _rolled_source(asked.window)
    if source is Source.RAW:
        return _from_readings(connection, series_id, interval, asked)
    by = Grain.HOUR if source is Source.HOUR else Grain.DAY
    found = read_rollups(connection, series_id, Asked(by, asked.window, asked.as_of), now)
    if found is None:
        return Chart(source, None, Curve.of_values(np.zeros(0, dtype=np.int64), np.zeros(0)), [], 0)
    return (_from_hours if by is Grain.HOUR else _from_days)(found, interval, asked)


def source_of(window: Window, interval: timedelta) -> Source:
    """Return the finest source that has `READ_MAX` rows in the window at most: of days, there are never more."""
    if window.length <= READ_MAX * interval:
        return Source.RAW
    return _rolled_source(window)


def _rolled_source(window: Window) -> Source:
    return Source.HOUR if window.length <= READ_MAX * HOUR else Source.DAY


def _from_readings(connection: Connection, series_id: int, interval: timedelta, asked: ChartAsked) -> Chart:
    measured = read_measured(connection, [series_id], asked.window, as_of=asked.as_of)
    inside = measured.samples.within(asked.window)
    doubtful, count = _doubtful(measured, asked.window)
    if len(inside.times) > asked.points:
        step = readable_step(asked.window.length, asked.points)
        curve = Curve.of_steps(measured.steps(asked.window, step))
        curve = curve.with_gaps(max(step, NEAR_INTERVALS * interval), step)
        return Chart(Source.RAW, step, curve, doubtful, count)
    if measured.rhythms.is_state.any():
        every = measured.samples
        beside = np.full(len(every.times), measured.rhythms.interval[0])
        holds = Holds.of(every.series, every.times, every.values, beside)
        known = holds.within(to_microseconds(asked.window.start), to_microseconds(asked.window.end))
        return Chart(Source.RAW, None, Curve.of_holds(known), doubtful, count)
    curve = Curve.of_values(inside.times, inside.values).with_gaps(NEAR_INTERVALS * interval, interval)
    return Chart(Source.RAW, None, curve, doubtful, count)


def _doubtful(measured: Measured, window: Window) -> tuple[list[Reading], int]:
    stored = measured.stored
    start, end = to_microseconds(window.start), to_microseconds(window.end)
    places = np.flatnonzero((stored.quality != int(Quality.GOOD)) & (stored.times >= start) & (stored.times < end))
    told = [
        Reading(
            int(stored.series[place]),
            from_microseconds(int(stored.times[place])),
            float(measured.values[place]),
            Quality(int(stored.quality[place])),
            Flag(int(stored.flags[place])),
        )
        for place in places[-DOUBTFUL_MAX:].tolist()
    ]
    return told, len(places)


def _from_hours(found: Periods, interval: timedelta, asked: ChartAsked) -> Chart:
    curve, weight = _known(found)
    step = max(readable_step(asked.window.length, asked.points), HOUR)
    owner = curve.times // (step // MICROSECOND)
    thinned = curve.gathered(owner, weight)
    if step > HOUR:
        # A point stands where its step begins, not where its first hour that is known does.
        thinned = replace(thinned, times=np.unique(owner) * (step // MICROSECOND))
    return Chart(Source.HOUR, step, thinned.with_gaps(max(step, NEAR_INTERVALS * interval), step), [], 0)


def _from_days(found: Periods, interval: timedelta, asked: ChartAsked) -> Chart:
    curve, weight = _known(found)
    days = max(1, -(-asked.window.length // (asked.points * DAY)))
    numbers = [day_number(day) for day in found.days if day is not None]
    owner = np.array(numbers, dtype=np.int64)[~np.isnan(found.mean)] // days
    # A local day lasts up to 25 hours.
    longest = max(days * DAY + HOUR, NEAR_INTERVALS * interval)
    return Chart(Source.DAY, days * DAY, curve.gathered(owner, weight).with_gaps(longest, days * DAY), [], 0)


def _known(found: Periods) -> tuple[Curve, Floats]:
    """Return the periods of which something is known, and how each weighs: a state by the time it was known."""
    known = ~np.isnan(found.mean)
    curve = Curve(found.starts, found.mean, found.low, found.high, found.last).taken(known)
    weight = np.where(np.isnan(found.known_s), 1.0, found.known_s)
    return curve, weight[known]
