"""Quality as a service: takes the touched hours, judges the readings around them and rolls their hours up again.

The order of arrival does not matter: a batch and a calibration mark the hours that they touch, judging starts from the
readings as they are stored, and ends in the same flags and roll-ups as if all had been there from the start.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from itertools import groupby

import numpy as np
import structlog

from core.columns import MICROSECOND, Floats, Ints, to_microseconds
from core.metrics import metric_named
from core.quality.calibrations import Span, lay_over
from core.quality.indexes import consumed
from core.quality.marks import codes_of, portions, series_of, zones
from core.quality.revise import context_hours, revise
from core.quality.rule import LINK_US_MAX
from core.quality.rules import QUALITY_RULES
from core.quality.traces import HOUR_US, Traces
from core.store.calibrations import read_spans_of
from core.store.pool import Connection
from core.store.rollups import write_hours
from core.store.touched import SeriesLife, Stored, hold_series, read_lives, read_stored, take_touched, write_flags

log = structlog.get_logger(__name__)

ROWS_MAX = 500
"""Rows of marks (a batch leaves one) that one transaction takes at most; and no further one after so many marks:"""
MARKS_MAX = 50_000
READINGS_MAX = 500_000
"""About how many readings are in memory at once."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What judging came to: touched hours taken, readings looked at, readings and roll-ups that were written."""

    hours_touched: int = 0
    readings: int = 0
    readings_moved: int = 0
    hours_written: int = 0

    def __add__(self, other: Judged) -> Judged:
        return Judged(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))


def judge_touched(connection: Connection) -> Judged:
    """Judge and roll up around the oldest marks, in one transaction; no hour was touched when none was left to take."""
    with connection.transaction():
        marks = take_touched(connection, rows=ROWS_MAX, marks=MARKS_MAX)
        judged = Judged(hours_touched=len(marks))
        ids = np.unique(series_of(marks)).tolist()
        hold_series(connection, ids)
        lives = sorted(read_lives(connection, ids), key=_metric_and_reach)
        for _, alike in groupby(lives, key=_metric_and_reach):
            judged += _judge_alike(connection, list(alike), marks)
    if judged.hours_touched:
        log.info("readings_judged", **asdict(judged))
    return judged


def _judge_alike(connection: Connection, lives: Sequence[SeriesLife], touched: Ints) -> Judged:
    """Judge around the touched hours of series of one metric whose readings move flags equally far."""
    metric, reach = _metric_and_reach(lives[0])
    rule, context = QUALITY_RULES[metric], context_hours(reach)
    ids = np.array([life.series_id for life in lives])
    marks = touched[np.isin(series_of(touched), ids)]
    intervals = np.array([_interval_us(life) for life in lives])
    readings_an_hour = np.maximum(HOUR_US // intervals, 1)[np.searchsorted(ids, series_of(marks))]
    spans = read_spans_of(connection, ids.tolist())
    judged = Judged()
    for portion in portions(marks, context, readings_an_hour, READINGS_MAX):
        stored = read_stored(connection, *zones(portion, context))
        found = revise(_traces_of(stored, lives, spans), stored.quality, rule, portion, reach)
        write_flags(connection, stored.judged(found.flags, found.quality, found.moved))
        written = write_hours(connection, found.hours)
        judged += Judged(0, len(stored.times), int(found.moved.sum()), written)
    return judged


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


def _metric_and_reach(life: SeriesLife) -> tuple[str, int]:
    return life.metric, -(-QUALITY_RULES[life.metric].reach(_interval_us(life)) // HOUR_US)


def _interval_us(life: SeriesLife) -> int:
    step = metric_named(life.metric).step
    return (step if life.interval_s is None else timedelta(seconds=life.interval_s)) // MICROSECOND
