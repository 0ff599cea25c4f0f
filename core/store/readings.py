"""Readings in the store: the ways out, all of them calibrated as of an instant; the raw values stay in the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import numpy as np

from core.clock import Window
from core.columns import Floats, from_microseconds, to_microseconds
from core.quality.calibrations import lay_over
from core.quality.marks import codes_of
from core.quality.steps import Rhythms, Samples, Steps
from core.readings import Flag, Quality, Reading
from core.store.calibrations import read_spans_of
from core.store.pool import Connection
from core.store.touched import Stored, read_lives, read_stored

_QUALITIES = dict(enumerate(Quality))


@cache
def _flags(stored: int) -> Flag:
    """Return flags as they are numbered in the store: looked up, since making them takes longer than reading them."""
    return Flag(stored)


@dataclass(frozen=True, slots=True)
class StepValue:
    """One step of one series: the mean of its readings (of a state, its share of the time), and how many there were."""

    start: datetime
    mean: float
    low: float
    high: float
    count: int


def read_readings(
    connection: Connection,
    series_id: int,
    window: Window,
    *,
    as_of: datetime | None = None,
    limit: int = 10_000,
) -> list[Reading]:
    """Return the readings of a series observed in ``window``, oldest first, as they were known ``as_of``.

    Values are calibrated as was known then; flags and quality are those of now.
    """
    rows = connection.execute(
        """
        SELECT observed_at, value * coalesce(gain, 1) + coalesce(shift, 0), quality, flags
          FROM reading
          LEFT JOIN calibration_as_of(%(as_of)s) AS calibrated
                 ON calibrated.series_id = reading.series_id AND calibrated.series_id = %(series_id)s
                AND observed_at >= valid_from AND observed_at < valid_until
         WHERE reading.series_id = %(series_id)s AND observed_at >= %(start)s AND observed_at < %(end)s
           AND (%(as_of)s::timestamptz IS NULL OR received_at <= %(as_of)s)
         ORDER BY observed_at LIMIT %(limit)s
        """,
        {"series_id": series_id, "start": window.start, "end": window.end, "as_of": as_of, "limit": limit},
        binary=True,
    )
    return [
        Reading(series_id, observed_at, value, _QUALITIES[quality], _flags(flags))
        for observed_at, value, quality, flags in rows
    ]


def read_steps(
    connection: Connection,
    series_ids: Sequence[int],
    window: Window,
    step: timedelta,
    *,
    as_of: datetime | None = None,
) -> dict[int, list[StepValue]]:
    """Return the stepped readings of several series; a step of which nothing is known is absent, never zero.

    As `read_step_columns`, a value per step.
    """
    steps: dict[int, list[StepValue]] = {series_id: [] for series_id in series_ids}
    found = read_step_columns(connection, series_ids, window, step, as_of=as_of)
    starts = map(from_microseconds, found.starts.tolist())
    figures = (column.tolist() for column in (found.mean, found.low, found.high, found.count))
    for series_id, *step_of in zip(found.series.tolist(), starts, *figures, strict=True):
        steps[series_id].append(StepValue(*step_of))
    return steps


def read_step_columns(
    connection: Connection,
    series_ids: Sequence[int],
    window: Window,
    step: timedelta,
    *,
    as_of: datetime | None = None,
) -> Steps:
    """Return the stepped readings of several series, of those observed in ``window``, as they were known ``as_of``.

    Steps lie on the grid of `core.clock.EPOCH` in UTC; readings marked bad are left out. A state counts by the time
    that it held, also from a reading before the window.
    """
    return read_measured(connection, series_ids, window, as_of=as_of).steps(window, step)


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Readings of several series by the column: as they are stored, and calibrated, with the rhythms of their series.

    Of a state, also those before the window that may hold into it.
    """

    rhythms: Rhythms
    stored: Stored
    values: Floats

    @property
    def samples(self) -> Samples:
        """Those that are not marked bad."""
        every = Samples(self.stored.series, self.stored.times, self.values)
        return every.where(self.stored.quality != int(Quality.BAD))

    def steps(self, window: Window, step: timedelta) -> Steps:
        """Return them by steps."""
        return self.rhythms.steps_of(self.samples, window, step)


def read_measured(
    connection: Connection, series_ids: Sequence[int], window: Window, *, as_of: datetime | None = None
) -> Measured:
    """Return the readings of several series around ``window``, whole hours of them, as they were known ``as_of``."""
    rhythms = Rhythms.of(read_lives(connection, series_ids))
    ids = rhythms.ids
    if not len(ids) or window.start == window.end:
        none = np.zeros(0, dtype=np.int64)
        return Measured(rhythms, Stored(none, none, np.zeros(0), none, none), np.zeros(0))
    firsts = codes_of(ids, to_microseconds(window.start) - rhythms.lead)
    lasts = codes_of(ids, np.full(len(ids), to_microseconds(window.end) - 1))
    stored = read_stored(connection, firsts, lasts, as_of=as_of)
    gain, shift, _ = lay_over(read_spans_of(connection, ids.tolist(), as_of=as_of), stored.series, stored.times)
    return Measured(rhythms, stored, stored.raw * gain + shift)


@dataclass(frozen=True, slots=True)
class Span:
    """How much there is of a metric: its oldest day, its newest ``observed_at``, and in how many series."""

    oldest: datetime
    newest: datetime
    series: int


def read_span(connection: Connection, metric: str) -> Span | None:
    """Return how much there is of a metric in the series of sensors in service, None where there are no readings.

    It ends where a third of them were heard up to: one that speaks live while the history of the others still comes in
    says nothing of how far that has come, and some that are silent keep nobody waiting.

    The oldest day is that of the roll-ups: looked for among the readings, it would cost a look into every month or
    chunk from before each series began.
    """
    row = connection.execute(
        """
        SELECT min(least(oldest.day::timestamp AT TIME ZONE 'Europe/Paris', latest.observed_at)),
               percentile_disc(1.0 / 3) WITHIN GROUP (ORDER BY latest.observed_at DESC), count(*)
          FROM latest JOIN series USING (series_id) JOIN sensor USING (sensor_id)
          LEFT JOIN LATERAL (
                SELECT day FROM rollup_day WHERE rollup_day.series_id = latest.series_id ORDER BY day LIMIT 1
               ) AS oldest ON true
         WHERE sensor.retired_at IS NULL AND series.metric = %s
         GROUP BY series.metric
        """,
        (metric,),
    ).fetchone()
    return Span(*row) if row else None
