"""Quality as a service: takes the touched hours, judges the readings around them and rolls their hours up again.

The order of arrival does not matter: a batch and a calibration mark the hours that they touch, judging starts from the
readings as they are stored, and ends in the same flags and roll-ups as if all had been there from the start.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from itertools import groupby

import numpy as np
import structlog

from core.clock import EPOCH, Window
from core.columns import MICROSECOND, Floats, Ints, to_microseconds
from core.metrics import Nature, expected_interval, metric_named
from core.quality.calibrations import Span, lay_over
from core.quality.days import Days, day_start, days_of, roll_up_days
from core.quality.hours import Hours
from core.quality.indexes import consumed
from core.quality.marks import codes_of, every_hour_of, hours_of, portions, series_of, zones
from core.quality.revise import SPREAD_HOURS, Reach, Revised, revise
from core.quality.rule import LINK_US_MAX
from core.quality.rules import QUALITY_RULES
from core.quality.steps import Samples
from core.quality.traces import HOUR_US, Traces
from core.readings import Quality
from core.store.calibrations import read_spans_of
from core.store.episodes import leave_marks
from core.store.pool import Connection
from core.store.retention import read_whole_since
from core.store.rollups import forget_days, forget_hours, read_zone_hours, write_days, write_hours
from core.store.touched import (
    SeriesLife,
    Stored,
    hold_series,
    read_lives,
    read_stored,
    take_touched,
    take_unrolled,
    touch_series,
    write_flags,
)

log = structlog.get_logger(__name__)

ROWS_MAX = 500
"""Rows of marks (a batch leaves one) that one transaction takes at most; and no further one after so many marks:"""
MARKS_MAX = 300_000
READINGS_MAX = 500_000
"""About how many readings are in memory at once."""


UNROLLED_MAX = 20
"""Series whose roll-ups are all written anew in one transaction, where their hours are right and only days lack."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What judging came to: touched hours taken, readings looked at, readings and roll-ups that were written."""

    hours_touched: int = 0
    readings: int = 0
    readings_moved: int = 0
    hours_written: int = 0
    days_written: int = 0

    def __add__(self, other: Judged) -> Judged:
        return Judged(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))


def judge_touched(connection: Connection) -> Judged:
    """Judge and roll up around the oldest marks, in one transaction; no hour was touched when none was left to take."""
    with connection.transaction():
        marks = take_touched(connection, rows=ROWS_MAX, marks=MARKS_MAX)
        if not len(marks):
            return Judged()
        judged = Judged(hours_touched=len(marks))
        ids = np.unique(series_of(marks)).tolist()
        hold_series(connection, ids)
        lives = sorted(read_lives(connection, ids), key=_metric_and_reach)
        for _, alike in groupby(lives, key=_metric_and_reach):
            one, moved = _judge_alike(connection, list(alike), marks)
            judged += one
            leave_marks(connection, moved)
    log.info("readings_judged", **asdict(judged))
    return judged


def roll_unrolled(connection: Connection) -> int:
    """Have all roll-ups of some series written anew, where a migration asked for it; return how many series.

    States and counts are touched whole, to be judged; of the others only the days are made, from their hours.
    """
    with connection.transaction():
        ids = take_unrolled(connection, UNROLLED_MAX)
        hold_series(connection, ids)
        lives = read_lives(connection, ids)
        otherwise = [one for one in lives if metric_named(one.metric).nature in (Nature.STATE, Nature.COUNT)]
        touch_series(connection, [one.series_id for one in otherwise], EPOCH)
        days = 0
        for life in lives:
            if life not in otherwise:
                hours = read_zone_hours(connection, *every_hour_of(life.series_id))
                days += write_days(connection, _days_of(hours, [life]))
    if ids:
        log.info("series_rolled_anew", series=len(ids), series_touched=len(otherwise), days_written=days)
    return len(ids)


def _judge_alike(connection: Connection, lives: Sequence[SeriesLife], touched: Ints) -> tuple[Judged, Ints]:
    """Judge around the touched hours of series of one metric whose readings reach equally far.

    Returns what it came to, and the hours whose alarms are to be looked at: the touched ones, and where flags moved.
    """
    ids = [life.series_id for life in lives]
    marks = touched[np.isin(series_of(touched), ids)]
    metric, reach = _metric_and_reach(lives[0])
    judged, rolled, flagged = Judged(), [marks[:0]], [marks]
    for _, stored, _, found in _revised(connection, lives, marks):
        write_flags(connection, stored.judged(found.flags, found.quality, found.moved))
        flagged.append(codes_of(stored.series[found.moved], stored.times[found.moved]))
        # Read after the readings: whoever misses those that were let go of finds here since when they are whole.
        settled = read_whole_since(connection, metric_named(metric).family) + timedelta(hours=reach.context)
        rolled += [write_hours(connection, found.hours, settled), forget_hours(connection, found.empty, settled)]
        judged += Judged(readings=len(stored.times), readings_moved=int(found.moved.sum()))
    moved = np.unique(np.concatenate(rolled))
    # How many of a day's hours are valid may move though no hour does: when another interval is expected of its sensor.
    days = _roll_days(connection, np.union1d(moved, marks), lives)
    return judged + Judged(hours_written=len(moved), days_written=days), np.unique(np.concatenate(flagged))


def _revised(
    connection: Connection, lives: Sequence[SeriesLife], marks: Ints, *, as_of: datetime | None = None
) -> Iterator[tuple[Ints, Stored, Traces, Revised]]:
    """Yield portions of marks, with the readings around them and what these come to, as was known ``as_of``."""
    metric, reach = _metric_and_reach(lives[0])
    readings_an_hour = np.maximum(HOUR_US // _intervals_us(lives, series_of(marks)), 1)
    spans = read_spans_of(connection, [life.series_id for life in lives], as_of=as_of)
    for portion in portions(marks, reach.context, readings_an_hour, READINGS_MAX):
        stored = read_stored(connection, *zones(portion, reach.context), as_of=as_of)
        traces = _traces_of(stored, lives, spans)
        yield portion, stored, traces, revise(traces, stored.quality, QUALITY_RULES[metric], portion, reach)


def roll_up_as_of(connection: Connection, series_id: int, window: Window, as_of: datetime) -> Hours:
    """Return the hours of a series that start in ``window`` as they were rolled up ``as_of``, from its readings anew.

    With the readings that had come, the calibrations that were set and the flags that these carry by themselves. Of
    hours from before its raw readings were let go of, none is told: what is left says nothing of what was known.
    """
    lives = read_lives(connection, [series_id])
    whole = read_whole_since(connection, metric_named(lives[0].metric).family)
    start, end = to_microseconds(max(window.start, whole)), to_microseconds(window.end)
    starts = np.arange(-(-start // HOUR_US) * HOUR_US, end, HOUR_US)
    marks = codes_of(np.full(len(starts), series_id), starts)
    if not len(marks):
        return Hours.none()
    hours = [
        found.hours.taken(np.isin(found.hours.codes, portion))
        for portion, _, _, found in _revised(connection, lives, marks, as_of=as_of)
    ]
    return Hours.joined(hours)


def samples_as_of(connection: Connection, codes: Ints, as_of: datetime) -> Iterator[Samples]:
    """Yield the readings of hours, by code, that had come ``as_of`` and were not bad, calibrated as was known then.

    Judged by what had come: a reading that later ones show to be bad was none then. Whole series at a time, each once;
    ``codes`` ascend.
    """
    lives = sorted(read_lives(connection, np.unique(series_of(codes)).tolist()), key=_metric_and_reach)
    for _, some in groupby(lives, key=_metric_and_reach):
        alike = list(some)
        marks = codes[np.isin(series_of(codes), [life.series_id for life in alike])]
        found = Samples.none()
        for portion, stored, traces, revised in _revised(connection, alike, marks, as_of=as_of):
            hours = codes_of(stored.series, stored.times)
            kept = np.isin(hours, portion) & (revised.quality != int(Quality.BAD))
            every = Samples(stored.series, stored.times, traces.values)
            found = found.followed_by(every.where(kept))
        yield found


def moved_hours(connection: Connection, series_ids: Sequence[int]) -> int:
    """Return how many hours from one that was touched roll-ups of these series may move."""
    reaches = [_metric_and_reach(life)[1] for life in read_lives(connection, series_ids)]
    return max((reach.flags + SPREAD_HOURS + reach.held for reach in reaches), default=0)


def _roll_days(connection: Connection, codes: Ints, lives: Sequence[SeriesLife]) -> int:
    """Roll up the local days in which the hours of these codes lie, and only them; return how many moved."""
    asked = np.unique(np.column_stack((series_of(codes), days_of(hours_of(codes) * HOUR_US))), axis=0)
    numbers = asked[:, 1].tolist()
    firsts = codes_of(asked[:, 0], np.array([day_start(day) for day in numbers]))
    lasts = codes_of(asked[:, 0], np.array([day_start(day + 1) for day in numbers])) - 1
    # Days that follow each other are read as one.
    apart = np.flatnonzero(firsts[1:] != lasts[:-1] + 1)
    opens, closes = np.append(0, apart + 1), np.append(apart, len(lasts) - 1)
    days = _days_of(read_zone_hours(connection, firsts[opens], lasts[closes]), lives)
    left = set(zip(days.series.tolist(), days.days.tolist(), strict=True))
    empty = [(series, day) for series, day in asked.tolist() if (series, day) not in left]
    return write_days(connection, days) + forget_days(connection, empty)


def _days_of(hours: Hours, lives: Sequence[SeriesLife]) -> Days:
    """Return the roll-ups of local days from their hours, of which none is left out; of series of one nature."""
    return roll_up_days(hours, metric_named(lives[0].metric).nature, _intervals_us(lives, hours.series))


def read_consumption(connection: Connection, series_id: int, starts: Sequence[datetime], step: timedelta) -> Floats:
    """Return what an index grew by in each step, which follow each other; NaN where it cannot be known."""
    begins = np.array([to_microseconds(start) for start in starts])
    ones = np.full(len(begins), series_id)
    ends = begins + step // MICROSECOND
    margin = LINK_US_MAX // HOUR_US
    first, last = codes_of(ones[[0, -1]], np.array([begins[0], ends[-1]]))
    stored = read_stored(connection, np.array([first - margin]), np.array([last + margin]))
    [life] = read_lives(connection, [series_id])
    traces = _traces_of(stored, [life], read_spans_of(connection, [series_id]))
    return consumed(traces, QUALITY_RULES[life.metric], ones, begins, ends)


def _traces_of(stored: Stored, lives: Sequence[SeriesLife], spans: Sequence[Span]) -> Traces:
    """Lay beside stored readings what is known of their series; ``lives`` are in order of their ids."""
    owner = np.searchsorted(np.array([life.series_id for life in lives]), stored.series)
    gain, shift, since = lay_over(spans, stored.series, stored.times)
    adopted = np.array([to_microseconds(life.adopted_at) for life in lives])[owner]
    interval = np.array([_interval_us(life) for life in lives])[owner]
    calibrated_at = np.where(since > 0, since, adopted)
    return Traces(stored.series, stored.times, stored.raw, gain, shift, calibrated_at, interval, stored.flags)


def _metric_and_reach(life: SeriesLife) -> tuple[str, Reach]:
    return life.metric, Reach.of(QUALITY_RULES[life.metric], _interval_us(life))


def _intervals_us(lives: Sequence[SeriesLife], series: Ints) -> Ints:
    """Return the expected time between readings beside each of ``series``; ``lives`` are in order of their ids."""
    intervals = np.array([_interval_us(life) for life in lives], dtype=np.int64)
    return intervals[np.searchsorted(np.array([life.series_id for life in lives]), series)]


def _interval_us(life: SeriesLife) -> int:
    return expected_interval(life.metric, life.interval_s) // MICROSECOND
